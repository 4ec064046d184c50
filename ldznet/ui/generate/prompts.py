"""Prompts to begin with; the tab opens on the first.

Each of pocket's has a seed whose picture was looked at and found right: with other weights, look
again. A backbone that knows more than the drawn world is offered others.
"""

from ldznet.ui.generate.request import Request

EXAMPLE_PROMPTS = (
    Request("a photo of a blue ring on a plain background", seed=8),
    Request("a flat drawing of a pink heart", seed=2),
    Request("a photo of a red ball and a blue box on grass", seed=11),
    Request("a flat drawing of a green box left of a pink ball", seed=11),
    Request("a photo of a large purple box", seed=9),
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
