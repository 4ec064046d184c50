"""What is really in a picture of the drawn world: a network and a list of the things it detects.

The network is trained on drawn scenes alone (`pocket.checker`) and shares nothing with the backbone
or the networks whose pictures and masks it judges.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from ldznet.data.shapes import CATEGORIES, COLOURS
from ldznet.images import to_pixels

CELL = 4  # pixels along a side of a cell

# Chosen on drawn validation scenes, areas in cells.
LEAST_CELLS = 8  # of a thing; the smallest drawn ones cover about 20
DOUBTFUL_CELLS = 20  # an area no larger than this may be a piece of its neighbour,
DOUBTFUL = 0.8  # and so may one of which the checker is less sure
LEAST_OF_COLOUR = 20  # by which a second thing of the same category shows


Area = tuple[int, np.ndarray]  # a category's number, from 1 on, and (h, w) bool cells


class SceneChecker(ModelMixin, ConfigMixin):
    """Per cell of 4 x 4 pixels: which category covers it, or none, and in which colour.

    Arguments, kept in `config.json`: `categories` and `colours` count what it tells apart,
    `widths` are the channels at 4, 8, 16 and 32 pixels a cell.
    """

    @register_to_config
    def __init__(
        self,
        categories: int = 16,
        colours: int = 9,
        widths: tuple[int, int, int, int] = (32, 64, 96, 128),
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, stride=2, padding=1)
        )
        self.down = nn.ModuleList(_Residual(width) for width in widths[:-1])
        self.halve = nn.ModuleList(
            nn.Conv2d(now, following, 3, stride=2, padding=1) for now, following in pairwise(widths)
        )
        self.middle = nn.Sequential(_Residual(widths[-1]), _Residual(widths[-1]))
        self.narrow = nn.ModuleList(
            nn.Conv2d(following, now, 1) for now, following in pairwise(widths)
        )
        self.up = nn.ModuleList(_Residual(width) for width in widths[:-1])
        self.category = nn.Conv2d(widths[0], categories + 1, 1)
        self.colour = nn.Conv2d(widths[0], colours, 1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, 1 + categories, h, w), none first, and of the colour (B, colours, h, w).

        `pixels` is (B, 3, H, W) in [-1, 1], sides multiples of 32; h = H / 4.
        """
        x = self.stem(pixels)  # (B, C, H/4, W/4)
        skips = []
        for down, halve in zip(self.down, self.halve, strict=True):
            x = down(x)
            skips.append(x)
            x = halve(x)
        x = self.middle(x)  # (B, C, H/32, W/32)
        for level in reversed(range(len(skips))):
            x = functional.interpolate(self.narrow[level](x), scale_factor=2) + skips[level]
            x = self.up[level](x)
        return self.category(x), self.colour(x)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.layers(x))


def load_checker(folder: Path) -> SceneChecker:
    """The checker saved in a folder, in float32; raises ValueError if there is none."""
    try:
        checker = SceneChecker.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
        )
    except Exception as error:  # safetensors, torch and diffusers each raise kinds of their own
        raise ValueError(
            f"There is no checker in '{folder.name}'; train it: "
            "python -m ldznet experiment pocket --stages checker"
        ) from error
    return checker.requires_grad_(False).eval()


@dataclass(frozen=True)
class DetectedObject:
    """One thing that the checker detects."""

    category: str
    colour: str
    mask: np.ndarray  # (H, W) bool, in whole cells of 4 x 4 pixels
    confidence: float  # mean probability of its category over its cells, in [0, 1]


@torch.no_grad()
def detect_objects(checker: SceneChecker, pictures: np.ndarray) -> list[list[DetectedObject]]:
    """The things in each of the pictures (B, H, W, 3) uint8, sides multiples of 32.

    A thing is a connected area of one category, a doubtful area being part of what it touches in
    the same colour; where it has two colours it is two things. Two touching things alike in both
    count as one.
    """
    category, colour = checker(to_pixels(pictures).to(checker.device, checker.dtype))
    probability = category.float().softmax(dim=1).cpu().numpy()  # (B, 17, h, w)
    colours = colour.float().softmax(dim=1).cpu().numpy()  # (B, 9, h, w)
    return [_things(one, other) for one, other in zip(probability, colours, strict=True)]


def _things(probability: np.ndarray, colours: np.ndarray) -> list[DetectedObject]:
    return [
        DetectedObject(
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
