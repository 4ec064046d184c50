"""Prompts to begin with; the tab opens on the first.

Each of pocket's has a seed whose picture was looked at and found right: with other weights, look
again. A backbone that knows more than the drawn world is offered others.
"""

from ldznet.ui.tabs.generate.request import Request

EXAMPLE_PROMPTS = (
    Request("a photo of an orange mushroom on sand", seed=8),
    Request("a watercolour of a green tree", seed=5),
    Request("a photo of a blue ring on a plain background", seed=7),
    Request("a photo of a large purple box", seed=2),
    Request("a flat drawing of a yellow star and a purple heart", seed=2),
)

OPEN_PROMPTS = tuple(
    Request(prompt, guidance=7.5)  # as Stable Diffusion's own pipeline draws
    for prompt in (
        "a photo of a corgi with a red ball on a beach",
        "a watercolour of a lighthouse and a small boat",
        "a street at night with a yellow taxi",
        "a wooden table with a teapot and two oranges",
        "a hot-air balloon over snowy mountains",
    )
)
