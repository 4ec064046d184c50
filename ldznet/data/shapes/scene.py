"""A scene is a number: from it follow the layout, the same in every style, and then the picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ldznet.data.shapes.backgrounds import BACKGROUNDS, SIDE, draw_backdrop
from ldznet.data.shapes.categories import CATEGORIES, polygons
from ldznet.data.shapes.palette import COLOURS
from ldznet.data.shapes.styles import SCALE, STYLES, Drawing, covers, render

DIFFICULTIES = ("single", "pair", "full")
SIZES = ("small", "large")

_SPAN = {  # longer side of an object in pixels, from and below
    ("single", "large"): (48, 84),
    ("pair", "large"): (44, 66),
    ("full", "large"): (46, 64),
    ("full", "small"): (26, 36),
}
_MARGIN = 8  # pixels around a drawing, room for its shadow or glow
_LEAST_VISIBLE = 0.72  # share of every object that stays in sight
_SEED = 20230  # separates this world's random numbers from everybody else's


@dataclass(frozen=True)
class SceneObject:
    """One object of a scene. All but the mask are the same in every style."""

    category: str
    colour: str
    size: str  # "small" or "large"
    centre: tuple[float, float]  # x, y in pixels: the centre of mass of what is visible
    box: tuple[int, int, int, int]  # left, top, right, bottom (exclusive) of what is visible
    mask: np.ndarray  # (128, 128) bool: the pixels where this object is seen


@dataclass(frozen=True)
class Scene:
    """A picture and everything true about it. Objects are in painting order, last on top."""

    number: int
    style: str
    difficulty: str
    background: str
    image: np.ndarray  # (128, 128, 3) uint8
    objects: tuple[SceneObject, ...]


def draw_scene(number: int, style: str | None = None, difficulty: str = "full") -> Scene:
    """The scene of this number, the same on every machine and in every process.

    The layout follows from number and difficulty alone. Without a style the number picks one.
    In pixel style masks follow its grid of 2 x 2 pixels; the other styles share one mask.
    """
    if number < 0:
        raise ValueError(f"Scene numbers start at 0; got {number}.")
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"Difficulty must be one of {', '.join(DIFFICULTIES)}; got {difficulty}.")
    if style is not None and style not in STYLES:
        raise ValueError(f"Style must be one of {', '.join(STYLES)}; got {style}.")
    key = (_SEED, DIFFICULTIES.index(difficulty), number)
    if style is None:
        style = STYLES[_generator(*key, 1).integers(len(STYLES))]

    rng = _generator(*key, 0)
    things = _choose_things(rng, difficulty)
    things, drawings, masks = _place(rng, things, difficulty)
    background = _choose_background(rng, {colour for _, colour, _ in things})
    centres = [_centre(mask) for mask in masks]
    boxes = [_box(mask) for mask in masks]
    if style == "pixel":
        masks = _visible([covers(drawing, style) for drawing in drawings])
    objects = tuple(
        SceneObject(*thing, centre, box, mask)
        for thing, centre, box, mask in zip(things, centres, boxes, masks, strict=True)
    )
    backdrop = draw_backdrop(background, _generator(*key, 2))
    image = render(style, backdrop, drawings, _generator(*key, 3, STYLES.index(style)))
    return Scene(number, style, difficulty, background, image, objects)


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key))


def _choose_things(rng: np.random.Generator, difficulty: str) -> list[tuple[str, str, str]]:
    """Category, colour and size of every object; likenesses are common, so that phrases differ."""
    count = {"single": 1, "pair": int(rng.integers(1, 3))}.get(difficulty)
    if count is None:
        count = 1 + int(rng.choice(4, p=_COUNTS))
    things: list[tuple[str, str, str]] = []
    for _ in range(count):
        category = CATEGORIES[rng.integers(len(CATEGORIES))]
        colour = COLOURS[rng.integers(len(COLOURS))]
        if things:
            like = things[rng.integers(len(things))]
            alike = rng.random()
            if alike < 0.3 or alike > 0.9:
                category = like[0]
            if 0.3 < alike < 0.5 or alike > 0.9:
                colour = like[1]
        small = difficulty == "full" and rng.random() < _SMALL[count - 1]
        things.append((category, colour, "small" if small else "large"))
    return things


_COUNTS = (0.12, 0.3, 0.34, 0.24)  # how often a full scene has 1, 2, 3 and 4 objects
_SMALL = (0.35, 0.45, 0.55, 0.65)  # how often an object among so many is small


def _place(
    rng: np.random.Generator, things: list[tuple[str, str, str]], difficulty: str
) -> tuple[list[tuple[str, str, str]], list[Drawing], list[np.ndarray]]:
    """The things that found room, their drawings and visible masks. Most stay apart."""
    may_overlap = rng.random() < 0.3
    placed: list[tuple[str, str, str]] = []
    drawings: list[Drawing] = []
    whole: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    for category, colour, size in things:
        span = int(rng.integers(*_SPAN[difficulty, size]))
        labels = _draw_labels(rng, category, span)
        taken = _widen(np.logical_or.reduce([np.zeros((SIDE, SIDE), bool), *whole]))
        for _ in range(25):
            drawing = _drop(rng, labels, colour)
            cover = covers(drawing, "photo")
            if not may_overlap and (cover & taken).any():
                continue
            visible = _visible([*whole, cover])
            if all(
                seen.sum() >= _LEAST_VISIBLE * every.sum()
                for seen, every in zip(visible, [*whole, cover], strict=True)
            ):
                placed.append((category, colour, size))
                drawings.append(drawing)
                whole.append(cover)
                masks = visible
                break
    return placed, drawings, masks


def _drop(rng: np.random.Generator, labels: np.ndarray, colour: str) -> Drawing:
    """A drawing at a random place: inside the picture, now and then cut by up to 3 pixels."""
    height, width = (side // SCALE for side in labels.shape)
    edge = _MARGIN - 2 if rng.random() > 0.12 else _MARGIN + 3
    left = 2 * rng.integers(-edge // 2, (SIDE - width + edge) // 2 + 1)
    top = 2 * rng.integers(-edge // 2, (SIDE - height + edge) // 2 + 1)
    return Drawing(labels, colour, int(left), int(top))


def _draw_labels(rng: np.random.Generator, category: str, span: int) -> np.ndarray:
    """(3h, 3w) uint8 labels: the category turned, stretched, perhaps mirrored, `span` across."""
    turn = np.radians(rng.uniform(-12, 12))
    stretch = rng.uniform(0.93, 1.07)
    mirror = rng.choice((-1, 1))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.diag([mirror * stretch, 1 / stretch])
    parts = [(label, points @ matrix.T) for label, points in polygons(category)]
    corners = np.concatenate([points for label, points in parts if label])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = span * SCALE / (high - low).max()
    # Even numbers of pixels, so that every drawing falls on the grid of pixel art.
    width, height = 2 * np.ceil((high - low) * scale / SCALE / 2).astype(int) + 2 * _MARGIN
    offset = np.array([width, height]) * SCALE / 2 - (low + high) / 2 * scale
    sheet = Image.new("L", (int(width) * SCALE, int(height) * SCALE))
    pen = ImageDraw.Draw(sheet)
    for label, points in parts:
        pen.polygon((points * scale + offset).ravel().tolist(), fill=label)
    return np.asarray(sheet)


def _visible(covers: list[np.ndarray]) -> list[np.ndarray]:
    """What later objects leave to be seen of each."""
    hidden = np.zeros((SIDE, SIDE), bool)
    visible = []
    for cover in reversed(covers):
        visible.append(cover & ~hidden)
        hidden |= cover
    return visible[::-1]


def _widen(area: np.ndarray) -> np.ndarray:
    """The area and what lies within 3 pixels of it along rows and columns."""
    wide = area.copy()
    for step in (1, 2, 3):
        wide[step:] |= area[:-step]
        wide[:-step] |= area[step:]
        wide[:, step:] |= area[:, :-step]
        wide[:, :-step] |= area[:, step:]
    return wide


def _centre(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _choose_background(rng: np.random.Generator, colours: set[str]) -> str:
    free = [name for name, place in BACKGROUNDS.items() if not place.clashes & colours]
    return free[rng.integers(len(free))]
