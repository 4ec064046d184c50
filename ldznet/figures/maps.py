"""Maps of numbers and masks: heat, signed values, errors against a truth, agreement of networks."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from ldznet.figures.layers import colour_in, enlarge, rim, stripes
from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, NETWORK_COLOURS

_SHADE = ("#0B0F19", 0.55)  # dims what a map does not speak of


def draw_heat(values: np.ndarray, high: float = 1.0) -> np.ndarray:
    """(H, W, 3) uint8: values (H, W) in magma, from black (0) to cream (`high`, above 0)."""
    levels = np.round(np.clip(values / high, 0, 1) * 255).astype(np.uint8)
    return _colours("magma", 256)[levels]


def draw_signed(values: np.ndarray, extent: float) -> np.ndarray:
    """(H, W, 3) uint8: values (H, W) from blue (-`extent`) over near-white (0) to red."""
    levels = np.round((np.clip(values / extent, -1, 1) + 1) * 127).astype(np.uint8)
    return _colours("RdBu_r", 255)[levels]  # an odd count: zero has a level of its own


def draw_colour_bar(width: int = 256, height: int = 1) -> np.ndarray:
    """(height, width, 3) uint8: the colours of `draw_heat` from 0 at the left to 1."""
    return draw_heat(np.broadcast_to(np.linspace(0, 1, width), (height, width)))


def error_layer(mask: np.ndarray, truth: np.ndarray, scale: int = 1) -> np.ndarray:
    """(H x scale, W x scale, 4) uint8: where a mask (H, W) bool differs from the truth.

    Missed pixels are sky blue with rising strokes, falsely found ones vermilion with falling
    strokes; found ones stay as they are and the rest is dimmed.
    """
    mask, truth = enlarge(mask, scale), enlarge(truth, scale)
    missed, false = truth & ~mask, mask & ~truth
    labels = np.where(mask | truth, 0, 1)
    for wrong, label, rising in ((missed, 2, True), (false, 4, False)):
        strokes = (stripes(mask.shape, 3, rising) == 0) | rim(wrong)
        labels[wrong] = label + strokes[wrong]
    return colour_in(labels, _SHADE, (MISSED, 0.5), (MISSED, 1), (FALSE, 0.5), (FALSE, 1))


def agreement_layer(masks: Mapping[str, np.ndarray], scale: int = 1) -> np.ndarray:
    """(H x scale, W x scale, 4) uint8: which networks' masks (H, W) bool hold each pixel.

    White where all do, a network's own colour where it is alone, stripes in their colours where
    some do; the rest is dimmed.
    """
    votes = np.stack([enlarge(mask, scale) for mask in masks.values()])  # (networks, H, W)
    count = votes.sum(axis=0)
    labels = np.where(count == 0, 1, 2)
    place = np.cumsum(votes, axis=0) - 1  # a network's turn among those that hold the pixel
    for agreeing in range(1, len(votes)):
        stripe = stripes(count.shape, agreeing)
        for number, vote in enumerate(votes):
            labels[vote & (count == agreeing) & (stripe == place[number])] = 3 + number
    own = [(NETWORK_COLOURS[name], 1.0) for name in masks]
    return colour_in(labels, _SHADE, (ALL_AGREE, 0.9), *own)


@cache
def _colours(name: str, count: int) -> np.ndarray:
    """(count, 3) uint8: a colour map of matplotlib's in so many levels."""
    from matplotlib import colormaps  # takes a third of a second: only when first needed

    levels = colormaps[name].resampled(count)(np.arange(count))
    return (levels[:, :3] * 255).round().astype(np.uint8)
