"""Nine backgrounds: two colours and a soft pattern each, painted by every style in its own way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 128  # pixels along each side of a scene

RGB = tuple[int, int, int]


def noise(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """(128, 128) float32 smooth noise of about unit deviation, with that many cells each way."""
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


_Y, _X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


def _soft(rng: np.random.Generator) -> np.ndarray:
    return 0.45 * noise(rng, 3, 3)


def _haze(rng: np.random.Generator) -> np.ndarray:
    return 0.4 * noise(rng, 6, 2)


def _blades(rng: np.random.Generator) -> np.ndarray:
    return 0.45 * noise(rng, 4, 4) + 0.5 * noise(rng, 12, 40)


def _ripples(rng: np.random.Generator) -> np.ndarray:
    phase = _Y * rng.uniform(0.3, 0.42) + _X * rng.uniform(-0.12, 0.12)
    return 0.45 * np.sin(phase + 1.5 * noise(rng, 4, 4)) + 0.25 * noise(rng, 5, 5)


def _waves(rng: np.random.Generator) -> np.ndarray:
    return 0.6 * noise(rng, 22, 5) + 0.3 * noise(rng, 5, 3)


def _drifts(rng: np.random.Generator) -> np.ndarray:
    return 0.6 * noise(rng, 5, 3)


def _bricks(rng: np.random.Generator) -> np.ndarray:
    height, width = 16, 32
    top, left = rng.integers(0, height), rng.integers(0, width)
    row = ((_Y + top) // height).astype(int)
    shifted = _X + left + (row % 2) * (width // 2)
    column = (shifted // width).astype(int)
    tint = rng.uniform(-0.5, 0.5, (10, 8)).astype(np.float32)[row, column]
    mortar = ((_Y + top) % height < 2) | (shifted % width < 2)
    return np.where(mortar, np.float32(1.4), tint - 0.2)


def _planks(rng: np.random.Generator) -> np.ndarray:
    height = int(rng.integers(26, 38))
    top = rng.integers(0, height)
    row = ((_Y + top) // height).astype(int)
    tint = rng.uniform(-0.45, 0.45, 8).astype(np.float32)[row]
    seam = (_Y + top) % height < 2
    return np.where(seam, np.float32(-1.5), tint + 0.35 * noise(rng, 40, 3))


@dataclass(frozen=True)
class Background:
    """A place: how a caption names it, which object colours would vanish in it, how it looks."""

    words: str
    clashes: frozenset[str]
    colours: tuple[tuple[RGB, RGB], ...]  # upper and lower colour; one pair is drawn per scene
    pattern: Callable[[np.random.Generator], np.ndarray]  # (128, 128) float32, about -1..1.5


# Neutral enough to stand behind every colour; a plain background never clashes.
_PLAIN = (
    ((166, 168, 174), (134, 136, 144)),
    ((182, 170, 156), (150, 136, 122)),
    ((144, 158, 166), (116, 130, 142)),
    ((108, 106, 114), (82, 82, 92)),
)

BACKGROUNDS: dict[str, Background] = {
    "plain": Background("on a plain background", frozenset(), _PLAIN, _soft),
    "sky": Background(
        "in the sky",
        frozenset({"blue", "cyan"}),
        (((92, 156, 226), (176, 212, 240)), ((120, 170, 222), (190, 214, 232))),
        _haze,
    ),
    "grass": Background(
        "on grass",
        frozenset({"green"}),
        (((150, 190, 96), (104, 158, 66)), ((132, 168, 84), (96, 142, 60))),
        _blades,
    ),
    "sand": Background(
        "on sand",
        frozenset({"yellow", "orange", "white"}),
        (((228, 204, 158), (212, 180, 128)), ((218, 188, 140), (198, 162, 112))),
        _ripples,
    ),
    "water": Background(
        "on water",
        frozenset({"blue", "cyan"}),
        (((70, 140, 180), (38, 100, 150)), ((52, 124, 156), (28, 88, 124))),
        _waves,
    ),
    "brick": Background(
        "on a brick wall",
        frozenset({"red", "orange"}),
        (((176, 104, 84), (158, 88, 70)), ((164, 96, 86), (146, 82, 72))),
        _bricks,
    ),
    "wood": Background(
        "on wood",
        frozenset({"orange", "red"}),
        (((170, 128, 88), (150, 110, 72)), ((146, 106, 74), (126, 90, 60))),
        _planks,
    ),
    "night": Background(
        "at night",
        frozenset({"blue", "purple"}),
        (((20, 24, 52), (42, 46, 84)), ((24, 20, 46), (52, 40, 78))),
        _haze,
    ),
    "snow": Background(
        "on snow",
        frozenset({"white"}),
        (((222, 230, 242), (202, 214, 232)), ((230, 232, 238), (208, 214, 226))),
        _drifts,
    ),
}


@dataclass(frozen=True)
class Backdrop:
    """One background as one scene has it."""

    name: str
    gradient: np.ndarray  # (128, 1, 3) float32 in [0, 1], from the upper to the lower colour
    pattern: np.ndarray  # (128, 128) float32, about -1..1.5


def draw_backdrop(name: str, rng: np.random.Generator) -> Backdrop:
    """The backdrop of a scene, before any style; all randomness comes from `rng`."""
    background = BACKGROUNDS[name]
    upper, lower = background.colours[rng.integers(len(background.colours))]
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    ends = np.array([upper, lower], np.float32) / 255
    return Backdrop(name, ends[0] + ramp * (ends[1] - ends[0]), background.pattern(rng))
