"""The colours of phrases and networks, the same in pictures, cards and charts."""

from typing import Any

import numpy as np

from ldznet.networks import BASELINES, NETWORKS
from ldznet.peers import PEERS

# Okabe and Ito's palette, told apart with any colour vision (jfly.uni-koeln.de/color); phrases
# take it in order.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

OWN = "#805E26"  # of a visitor's own mask, among the networks'
MISSED, FALSE = "#56B4E9", "#D55E00"  # of the error map
ALL_AGREE = "#F8FAFC"  # of the agreement map


def network_colours() -> dict[str, str]:
    """The own colour of each network, of what is compared with them, and of a visitor's own mask.

    Used for nothing else. Those shipped are told apart from each other with any colour vision, and
    are readable on light and on dark.
    """
    named: dict[str, Any] = {**NETWORKS, **BASELINES, **PEERS}
    return {**{name: each.colour for name, each in named.items()}, "own": OWN}


def phrase_colours(count: int) -> tuple[str, ...]:
    """The colours of so many phrases; the palette begins again after its seventh."""
    return tuple(PALETTE[number % len(PALETTE)] for number in range(count))


def rgb(colour: str) -> np.ndarray:
    """(3,) uint8 from "#rrggbb"."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)
