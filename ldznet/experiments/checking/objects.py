"""From the checker's cells to a list of things."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ldznet.data.shapes import CATEGORIES, COLOURS
from ldznet.experiments.checking.scene_checker import CELL, SceneChecker

# Chosen on drawn validation scenes, areas in cells.
LEAST_CELLS = 8  # of a thing; the smallest drawn ones cover about 20
DOUBTFUL_CELLS = 20  # an area no larger than this may be a piece of its neighbour,
DOUBTFUL = 0.8  # and so may one of which the checker is less sure
LEAST_OF_COLOUR = 20  # by which a second thing of the same category shows


Area = tuple[int, np.ndarray]  # a category's number, from 1 on, and (h, w) bool cells


@dataclass(frozen=True)
class FoundObject:
    """One thing the checker sees."""

    category: str
    colour: str
    mask: np.ndarray  # (H, W) bool, in whole cells of 4 x 4 pixels
    confidence: float  # mean probability of its category over its cells, in [0, 1]


@torch.no_grad()
def find_objects(checker: SceneChecker, pixels: Tensor) -> list[list[FoundObject]]:
    """The things in each picture of a batch (B, 3, H, W) in [-1, 1].

    A thing is a connected area of one category, a doubtful area being part of what it touches in
    the same colour; where it has two colours it is two things. Two touching things alike in both
    are found as one.
    """
    category, colour = checker(pixels.to(checker.dtype))
    probability = category.float().softmax(dim=1).numpy()  # (B, 17, h, w)
    colours = colour.float().softmax(dim=1).numpy()  # (B, 9, h, w)
    return [_things(one, other) for one, other in zip(probability, colours, strict=True)]


def _things(probability: np.ndarray, colours: np.ndarray) -> list[FoundObject]:
    return [
        FoundObject(
            category=CATEGORIES[number - 1],
            colour=COLOURS[_colour(colours, part)],
            mask=np.kron(part, np.ones((CELL, CELL), bool)),
            confidence=float(probability[number][part].mean()),
        )
        for number, area in _join_doubtful(_areas(probability), probability, colours)
        for part in _split_by_colour(area, colours)
        if part.sum() >= LEAST_CELLS
    ]


def _areas(probability: np.ndarray) -> list[Area]:
    label = probability.argmax(axis=0)  # 0 is none
    return [
        (number, part)
        for number in range(1, len(probability))
        for part in _connected(label == number)
    ]


def _join_doubtful(areas: list[Area], probability: np.ndarray, colours: np.ndarray) -> list[Area]:
    """The areas after each doubtful one, smallest first, has joined what it touches the most.

    Only a larger area of the same colour counts; together they are what both say most.
    """
    settled: list[Area] = []
    waiting = sorted(areas, key=_size)
    while waiting:
        number, area = waiting.pop(0)
        if probability[number][area].mean() > DOUBTFUL and area.sum() > DOUBTFUL_CELLS:
            settled.append((number, area))
            continue
        rim = ndimage.binary_dilation(area)
        touching = [
            other
            for other in waiting
            if (rim & other[1]).any() and _colour(colours, other[1]) == _colour(colours, area)
        ]
        if not touching:
            settled.append((number, area))
            continue
        neighbour = max(touching, key=lambda other: (rim & other[1]).sum())
        waiting = [other for other in waiting if other is not neighbour]
        whole = area | neighbour[1]
        waiting.append((int(probability[1:, whole].sum(axis=1).argmax()) + 1, whole))
        waiting.sort(key=_size)
    return settled


def _split_by_colour(area: np.ndarray, colours: np.ndarray) -> list[np.ndarray]:
    """The area, or its parts where it shows several colours at length."""
    smooth = ndimage.uniform_filter(colours, (0, 3, 3))
    label = np.where(area, smooth.argmax(axis=0), -1)
    shown = [
        colour
        for colour in range(len(colours))
        if any(part.sum() >= LEAST_OF_COLOUR for part in _connected(label == colour))
    ]
    if len(shown) < 2:
        return [area]
    nearest = smooth[shown].argmax(axis=0)
    return [area & (nearest == index) for index in range(len(shown))]


def _connected(cells: np.ndarray) -> list[np.ndarray]:
    parts, count = ndimage.label(cells)
    return [parts == part for part in range(1, count + 1)]


def _colour(colours: np.ndarray, area: np.ndarray) -> int:
    return int(colours[:, area].sum(axis=1).argmax())


def _size(area: Area) -> int:
    return int(area[1].sum())
