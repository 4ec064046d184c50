"""Prompts to begin with; the tab opens on the first.

Each has a seed whose picture was looked at and found right: with other weights, look again.
"""

from ldznet.ui.generate.request import Request

EXAMPLE_PROMPTS = (
    Request("a photo of a blue ring on a plain background", seed=8),
    Request("a flat drawing of a pink heart", seed=2),
    Request("a photo of a red ball and a blue box on grass", seed=11),
    Request("a flat drawing of a green box left of a pink ball", seed=11),
    Request("a photo of a large purple box", seed=9),
)
