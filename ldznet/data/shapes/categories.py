"""The sixteen things of the drawn world, each as polygons that carry a label.

Coordinates are free units with y pointing down; `scene` scales a thing to its size in pixels.
Polygons are painted in order, later ones over earlier ones; label 0 cuts a hole.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from ldznet.data.shapes.palette import BODY, CREAM, DARK, GLASS, INK, LEAF, LIGHT, WOOD

Polygon = tuple[int, np.ndarray]  # label, (N, 2) float x and y


def _ellipse(
    label: int,
    x: float,
    y: float,
    rx: float,
    ry: float | None = None,
    start: float = 0,
    stop: float = 360,
) -> Polygon:
    angle = np.radians(np.linspace(start, stop, max(8, int(abs(stop - start) / 8))))
    ry = rx if ry is None else ry
    return label, np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def _polygon(label: int, *points: tuple[float, float]) -> Polygon:
    return label, np.array(points, float)


def _rectangle(label: int, left: float, top: float, right: float, bottom: float) -> Polygon:
    return _polygon(label, (left, top), (right, top), (right, bottom), (left, bottom))


def _band(
    label: int, x: float, y: float, outer: float, inner: float, start: float, stop: float
) -> Polygon:
    """An arc with a width, from angle `start` to `stop` in degrees."""
    _, outside = _ellipse(label, x, y, outer, None, start, stop)
    _, inside = _ellipse(label, x, y, inner, None, stop, start)
    return label, np.concatenate([outside, inside])


def _ball() -> list[Polygon]:
    pole = np.array([-0.18, -0.3])
    parts = [_ellipse(BODY, 0, 0, 1)]
    for start in (10, 130, 250):
        _, arc = _ellipse(LIGHT, 0, 0, 1, None, start, start + 60)
        parts.append((LIGHT, np.concatenate([[pole], arc])))
    return [*parts, _ellipse(DARK, -0.18, -0.3, 0.17)]


def _box() -> list[Polygon]:
    return [
        _rectangle(BODY, -1, -0.5, 0.5, 1),
        _polygon(LIGHT, (-1, -0.5), (-0.5, -1), (1, -1), (0.5, -0.5)),
        _polygon(DARK, (0.5, -0.5), (1, -1), (1, 0.5), (0.5, 1)),
    ]


def _star() -> list[Polygon]:
    angle = np.radians(np.arange(10) * 36 - 90)
    radius = np.where(np.arange(10) % 2, 0.45, 1.0)
    rim = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    facets = [(LIGHT, np.array([[0, 0], rim[i], rim[i - 1]])) for i in range(0, 10, 2)]
    return [(BODY, rim), *facets]


def _heart() -> list[Polygon]:
    t = np.linspace(0, 2 * np.pi, 60)
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    outline = np.stack([np.sin(t) ** 3, y], axis=1)
    return [(BODY, outline), _ellipse(LIGHT, -0.5, -0.38, 0.2, 0.15)]


def _ring() -> list[Polygon]:
    return [
        _ellipse(BODY, 0, 0, 1),
        _band(LIGHT, 0, 0, 0.86, 0.7, 170, 290),
        _band(DARK, 0, 0, 0.66, 0.5, 0, 360),
        _ellipse(0, 0, 0, 0.5),
    ]


def _house() -> list[Polygon]:
    return [
        _rectangle(DARK, 0.4, -0.95, 0.64, -0.3),
        _rectangle(BODY, -0.78, -0.2, 0.78, 1),
        _polygon(DARK, (-1.05, -0.12), (0, -1.08), (1.05, -0.12)),
        _rectangle(WOOD, -0.19, 0.36, 0.19, 1),
        _rectangle(GLASS, -0.6, 0.1, -0.28, 0.46),
        _rectangle(GLASS, 0.28, 0.1, 0.6, 0.46),
    ]


def _tree() -> list[Polygon]:
    return [
        _polygon(WOOD, (-0.13, 0.1), (0.13, 0.1), (0.2, 1.15), (-0.2, 1.15)),
        _ellipse(DARK, 0.4, 0.02, 0.48, 0.44),
        _ellipse(BODY, -0.4, 0.02, 0.5, 0.46),
        _ellipse(BODY, 0.05, 0.08, 0.5, 0.42),
        _ellipse(BODY, 0.3, -0.22, 0.48),
        _ellipse(BODY, -0.02, -0.5, 0.52),
        _ellipse(LIGHT, -0.16, -0.62, 0.24, 0.19),
        _ellipse(LIGHT, -0.5, -0.1, 0.18, 0.14),
    ]


def _car() -> list[Polygon]:
    return [
        _polygon(BODY, (-0.62, -0.1), (-0.4, -0.62), (0.28, -0.62), (0.6, -0.1)),
        _polygon(
            BODY, (-1, -0.02), (-0.88, -0.14), (0.72, -0.14), (0.96, 0.02), (1, 0.34), (-1, 0.34)
        ),
        _rectangle(DARK, -1, 0.2, 1, 0.36),
        _polygon(GLASS, (-0.46, -0.12), (-0.31, -0.5), (-0.06, -0.5), (-0.06, -0.12)),
        _polygon(GLASS, (0.06, -0.12), (0.06, -0.5), (0.21, -0.5), (0.43, -0.12)),
        _ellipse(LIGHT, 0.88, 0.06, 0.1, 0.08),
        _ellipse(INK, -0.52, 0.36, 0.26),
        _ellipse(INK, 0.52, 0.36, 0.26),
        _ellipse(CREAM, -0.52, 0.36, 0.11),
        _ellipse(CREAM, 0.52, 0.36, 0.11),
    ]


def _boat() -> list[Polygon]:
    return [
        _rectangle(WOOD, -0.1, -1, 0, 0.4),
        _polygon(LIGHT, (0.04, -0.95), (0.82, 0.22), (0.04, 0.22)),
        _polygon(LIGHT, (-0.14, -0.72), (-0.14, 0.22), (-0.76, 0.22)),
        _polygon(BODY, (-1, 0.34), (1, 0.34), (0.68, 0.92), (-0.66, 0.92)),
        _polygon(DARK, (-0.85, 0.62), (0.85, 0.62), (0.68, 0.92), (-0.66, 0.92)),
    ]


def _fish() -> list[Polygon]:
    return [
        _polygon(DARK, (-0.55, 0), (-1.05, -0.5), (-0.92, 0), (-1.05, 0.5)),
        _polygon(DARK, (-0.2, -0.42), (0.02, -0.76), (0.36, -0.36)),
        _polygon(DARK, (-0.1, 0.4), (0.0, 0.7), (0.24, 0.38)),
        _ellipse(BODY, 0.16, 0, 0.84, 0.5),
        _ellipse(LIGHT, 0.1, 0.2, 0.56, 0.22),
        _polygon(DARK, (-0.08, -0.1), (-0.34, -0.16), (-0.3, 0.16)),
        _ellipse(CREAM, 0.64, -0.12, 0.16),
        _ellipse(INK, 0.67, -0.12, 0.08),
    ]


def _flower() -> list[Polygon]:
    stem = [
        _rectangle(LEAF, -0.08, 0.1, 0.08, 1.3),
        _polygon(LEAF, (0, 1.12), (0.22, 0.74), (0.62, 0.66), (0.48, 0.96)),
        _polygon(LEAF, (0, 1.2), (-0.2, 0.88), (-0.56, 0.82), (-0.44, 1.08)),
    ]
    turns = np.radians(np.arange(6) * 60 - 90)
    petals = [_ellipse(BODY, 0.46 * np.cos(t), 0.46 * np.sin(t) - 0.2, 0.32) for t in turns]
    veins = [_ellipse(LIGHT, 0.52 * np.cos(t), 0.52 * np.sin(t) - 0.2, 0.13) for t in turns]
    return [*stem, *petals, *veins, _ellipse(WOOD, 0, -0.2, 0.24)]


def _mushroom() -> list[Polygon]:
    return [
        _polygon(CREAM, (-0.24, 0), (0.24, 0), (0.34, 0.98), (-0.34, 0.98)),
        _ellipse(BODY, 0, 0.1, 1, 1.05, 180, 360),
        _ellipse(DARK, 0, 0.1, 1, 0.16),
        _ellipse(CREAM, -0.46, -0.32, 0.2, 0.17),
        _ellipse(CREAM, 0.08, -0.62, 0.2, 0.17),
        _ellipse(CREAM, 0.5, -0.22, 0.18, 0.16),
        _ellipse(CREAM, 0, -0.17, 0.13, 0.11),
    ]


def _moon() -> list[Polygon]:
    _, outside = _ellipse(BODY, 0, 0, 1, None, 52, 308)
    tips = outside[-1], outside[0]
    reach = float(np.linalg.norm(tips[0] - np.array([0.5, 0])))
    start = np.degrees(np.arctan2(tips[0][1], tips[0][0] - 0.5))
    stop = np.degrees(np.arctan2(tips[1][1], tips[1][0] - 0.5)) - 360
    _, inside = _ellipse(BODY, 0.5, 0, reach, None, start, stop)
    return [
        (BODY, np.concatenate([outside, inside])),
        _ellipse(DARK, -0.66, 0.1, 0.11),
        _ellipse(DARK, -0.45, 0.52, 0.09),
        _ellipse(LIGHT, -0.58, -0.4, 0.13, 0.12),
    ]


def _cloud() -> list[Polygon]:
    return [
        _ellipse(DARK, -0.3, 0.34, 0.4, 0.26),
        _ellipse(DARK, 0.3, 0.34, 0.42, 0.26),
        _ellipse(BODY, -0.62, 0.18, 0.4, 0.34),
        _ellipse(BODY, 0.64, 0.2, 0.38, 0.32),
        _ellipse(BODY, -0.18, -0.16, 0.5),
        _ellipse(BODY, 0.32, -0.04, 0.4),
        _ellipse(BODY, 0, 0.24, 0.6, 0.24),
        _ellipse(LIGHT, -0.24, -0.28, 0.26, 0.2),
        _ellipse(LIGHT, -0.66, 0.1, 0.2, 0.15),
    ]


def _cup() -> list[Polygon]:
    return [
        _ellipse(BODY, 0.62, 0.06, 0.42, 0.46),
        _ellipse(0, 0.62, 0.06, 0.22, 0.26),
        _polygon(BODY, (-0.84, -0.7), (0.66, -0.7), (0.5, 0.84), (-0.68, 0.84)),
        _ellipse(BODY, -0.09, 0.82, 0.59, 0.15),
        _polygon(LIGHT, (-0.66, -0.5), (-0.44, -0.48), (-0.36, 0.78), (-0.54, 0.76)),
        _ellipse(LIGHT, -0.09, -0.7, 0.76, 0.22),
        _ellipse(DARK, -0.09, -0.7, 0.62, 0.14),
    ]


def _umbrella() -> list[Polygon]:
    handle = [
        _rectangle(INK, -0.06, -1.1, 0.06, 0.92),
        _band(INK, 0.2, 0.88, 0.26, 0.13, 180, 0),
    ]
    _, dome = _ellipse(BODY, 0, 0, 1, 0.94, 180, 360)
    scallops = [_ellipse(0, x, 0.02, 0.25, 0.16) for x in (-0.75, -0.25, 0.25, 0.75)]
    panel = np.concatenate([[[0, -0.94]], _ellipse(LIGHT, 0, 0, 0.5, 0.94, 270, 180)[1], [[0, 0]]])
    panel2 = np.concatenate([[[0, -0.94]], _ellipse(DARK, 0, 0, 1, 0.94, 290, 360)[1]])
    edge = _ellipse(DARK, 0, 0, 0.5, 0.94, 360, 270)[1]
    return [
        (BODY, dome),
        (LIGHT, panel),
        (DARK, np.concatenate([panel2[1:], edge])),
        *scallops,
        *handle,
    ]


_DRAWINGS: dict[str, Callable[[], list[Polygon]]] = {
    "ball": _ball,
    "box": _box,
    "star": _star,
    "heart": _heart,
    "ring": _ring,
    "house": _house,
    "tree": _tree,
    "car": _car,
    "boat": _boat,
    "fish": _fish,
    "flower": _flower,
    "mushroom": _mushroom,
    "moon": _moon,
    "cloud": _cloud,
    "cup": _cup,
    "umbrella": _umbrella,
}

CATEGORIES = tuple(_DRAWINGS)

# Parts whose own colour somebody could name: a red flower has a green stem.
PART_COLOURS = {"flower": "green", "mushroom": "white"}


@cache
def polygons(category: str) -> tuple[Polygon, ...]:
    """The labelled polygons of this category, in painting order."""
    return tuple(_DRAWINGS[category]())
