"""The colours of phrases and networks, the same in pictures, cards and charts."""

import numpy as np

# Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color); phrases
# take it in order.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

# The own colour of each network, of what is compared with them, and of a visitor's own mask; used
# for nothing else. Told apart from each other with any colour vision, and readable on light and on
# dark.
NETWORK_COLOURS = {
    "rgbnet": "#64748B",
    "znet": "#0EA5E9",
    "ldznet": "#7C3AED",
    "attention": "#E67373",
    "clipseg": "#739900",
    "own": "#805E26",
}

MISSED, FALSE = "#56B4E9", "#D55E00"  # of the error map
ALL_AGREE = "#F8FAFC"  # of the agreement map


def phrase_colours(count: int) -> tuple[str, ...]:
    """The colours of so many phrases; the palette begins again after its seventh."""
    return tuple(PALETTE[number % len(PALETTE)] for number in range(count))


def rgb(colour: str) -> np.ndarray:
    """(3,) uint8 from "#rrggbb"."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)
