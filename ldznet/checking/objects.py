"""From the checker's cells to a list of things."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ldznet.checking.scene_checker import CELL, SceneChecker
from ldznet.data.shapes import CATEGORIES, COLOURS

LEAST_CELLS = 8  # of a thing; the smallest drawn ones cover about 20


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

    A thing is a connected area of one category; its colour is what most of its cells say.
    """
    category, colour = checker(pixels.to(checker.dtype))
    probability = category.float().softmax(dim=1).numpy()  # (B, 17, h, w)
    colours = colour.float().softmax(dim=1).numpy()  # (B, 9, h, w)
    return [_things(one, other) for one, other in zip(probability, colours, strict=True)]


def _things(probability: np.ndarray, colours: np.ndarray) -> list[FoundObject]:
    label = probability.argmax(axis=0)  # 0 is none
    found = []
    for number in range(1, len(probability)):
        parts, count = ndimage.label(label == number)
        for part in range(1, count + 1):
            cells = parts == part
            if cells.sum() < LEAST_CELLS:
                continue
            found.append(
                FoundObject(
                    category=CATEGORIES[number - 1],
                    colour=COLOURS[int(colours[:, cells].sum(axis=1).argmax())],
                    mask=np.kron(cells, np.ones((CELL, CELL), bool)),
                    confidence=float(probability[number][cells].mean()),
                )
            )
    return found
