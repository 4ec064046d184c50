"""Six ways to paint one layout: each turns a backdrop and labelled drawings into a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter

from ldznet.data.shapes.backgrounds import SIDE, Backdrop, noise
from ldznet.data.shapes.palette import GLASS, INK, PAINTS, paint_table

SCALE = 3  # supersampling: labels have three cells per pixel along each side
CELL = 2  # pixels per pixel-art cell
HALF = 0.49  # coverage that counts as seen: a half, less what 8 bits may round away


@dataclass(frozen=True)
class Drawing:
    """One object's label map and where it lies; it may reach over the picture's edge."""

    labels: np.ndarray  # (3h, 3w) uint8
    colour: str
    left: int  # pixels, even, as are h and w, so that pixel art falls on its grid
    top: int

    @property
    def window(self) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of the picture, then those of the drawing, that lie over each other."""
        height, width = (side // SCALE for side in self.labels.shape)
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + height, SIDE), min(self.left + width, SIDE)
        return (
            slice(top, bottom),
            slice(left, right),
            slice(top - self.top, bottom - self.top),
            slice(left - self.left, right - self.left),
        )


def coverage(labels: np.ndarray, cells: int = SCALE) -> np.ndarray:
    """(h, w) float32 in [0, 1]: the painted share of every square of `cells` x `cells` labels."""
    return np.asarray(Image.fromarray((labels > 0) * np.uint8(255)).reduce(cells), np.float32) / 255


def covers(drawing: Drawing, style: str) -> np.ndarray:
    """(128, 128) bool: the pixels this drawing covers in this style, before anything hides it."""
    rows, columns, own_rows, own_columns = drawing.window
    if style == "pixel":
        cells = coverage(drawing.labels, SCALE * CELL) >= HALF
        own = cells.repeat(CELL, 0).repeat(CELL, 1)
    else:
        own = coverage(drawing.labels) >= HALF
    full = np.zeros((SIDE, SIDE), bool)
    full[rows, columns] = own[own_rows, own_columns]
    return full


@cache
def _table(colour: str) -> np.ndarray:
    return paint_table(colour)


def _paint(drawing: Drawing, cells: int = SCALE) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) float32 colour and (h, w, 1) float32 coverage of a drawing, both in [0, 1]."""
    colours = _table(drawing.colour).view(np.uint32)[:, 0].take(drawing.labels)
    size = colours.shape[::-1]
    painted = Image.frombuffer("RGBa", size, colours, "raw", "RGBa", 0, 1).reduce(cells)
    rgba = np.asarray(painted, np.float32) / 255
    alpha = rgba[..., 3:]
    return rgba[..., :3] / np.maximum(alpha, 1e-3), alpha


def _lines(drawing: Drawing, inner: int, outer: int) -> np.ndarray:
    """(h, w, 1) float32 in [0, 1]: lines between labels and along the rim, inside the drawing.

    `inner` and `outer` are widths in supersampled cells.
    """
    labels = drawing.labels
    inside = labels > 0
    rim = ~inside
    seam = np.zeros_like(inside)
    seam[1:] |= labels[1:] != labels[:-1]
    seam[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    lines = (_grow(rim, outer) | _grow(seam, inner)) & inside
    return np.asarray(Image.fromarray(lines * np.uint8(255)).reduce(SCALE), np.float32)[
        ..., None
    ] / np.float32(255)


def _grow(area: np.ndarray, steps: int) -> np.ndarray:
    """The area grown by `steps` cells in an octagon."""
    for step in range(steps):
        grown = area.copy()
        grown[1:] |= area[:-1]
        grown[:-1] |= area[1:]
        if step % 2:
            wide = grown.copy()
            wide[:, 1:] |= grown[:, :-1]
            wide[:, :-1] |= grown[:, 1:]
            grown = wide
        else:
            grown[:, 1:] |= area[:, :-1]
            grown[:, :-1] |= area[:, 1:]
        area = grown
    return area


def _blend(canvas: np.ndarray, drawing: Drawing, rgb: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a drawing on the canvas; `rgb` is one colour (3,) or a picture (h, w, 3)."""
    rows, columns, own_rows, own_columns = drawing.window
    under = canvas[rows, columns]
    alpha = alpha[own_rows, own_columns]
    if rgb.ndim == 3:
        rgb = rgb[own_rows, own_columns]
    under += (rgb - under) * alpha


_SHADOW = np.full(3, 0.02, np.float32)


def _photo(backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator) -> np.ndarray:
    light = 1 + 0.06 * noise(rng, 2, 2) + 0.11 * backdrop.pattern
    canvas = backdrop.gradient * light[..., None]
    for drawing in drawings:
        rgb, alpha = _paint(drawing)
        shape = alpha[..., 0]
        size = max(shape.shape) - 16
        shadow = np.roll(uniform_filter(uniform_filter(shape, 5), 5), (4, 3), (0, 1))[..., None]
        _blend(canvas, drawing, _SHADOW, 0.42 * shadow)
        near = uniform_filter(uniform_filter(shape, 5), 5)
        wide = size // 4 | 1
        far = uniform_filter(uniform_filter(shape, wide), wide)
        relief = 0.9 * _slope(near) + 0.3 * size * _slope(far)
        shade = (0.94 + 0.34 * np.clip(relief, -1.1, 0.8))[..., None]
        gleam = np.clip(relief - 0.35, 0, 0.6)[..., None] ** 2
        _blend(canvas, drawing, rgb * shade + 0.55 * gleam, alpha)
    canvas += 0.008 * rng.standard_normal((SIDE, SIDE, 1), dtype=np.float32)
    return canvas


def _slope(height: np.ndarray) -> np.ndarray:
    """How far a surface of this height leans towards a light at the upper left."""
    slope = np.zeros_like(height)
    slope[1:-1, 1:-1] = (height[2:, 1:-1] - height[:-2, 1:-1]) * 0.6
    slope[1:-1, 1:-1] += (height[1:-1, 2:] - height[1:-1, :-2]) * 0.4
    return slope


def _flat(backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator) -> np.ndarray:
    tone = 0.72 * backdrop.gradient + 0.28
    steps = np.clip(np.round(backdrop.pattern * 1.6), -2, 2)
    canvas = tone * (1 + 0.03 * steps)[..., None]
    for drawing in drawings:
        rgb, alpha = _paint(drawing)
        _blend(canvas, drawing, rgb, alpha)
        _blend(canvas, drawing, _ink(drawing.colour) * 0.8, 0.75 * _lines(drawing, 0, 3))
    return canvas


def _ink(colour: str) -> np.ndarray:
    """(3,) float32: a dark shade of this colour to draw its lines with."""
    return np.array(PAINTS[colour], np.float32) / 255 * 0.5


def _sketch(
    backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator
) -> np.ndarray:
    paper = np.array([0.965, 0.95, 0.915], np.float32)
    down, across = np.gradient(backdrop.pattern)
    steep = np.hypot(down, across) + 0.004  # so that every pencil line is equally thin
    stroke = np.exp(-(((backdrop.pattern - 0.35) / (1.1 * steep)) ** 2))[..., None]
    stroke *= np.clip((steep - 0.03) * 20, 0, 1)[..., None]  # and smooth places stay empty
    canvas = paper + (backdrop.gradient - paper) * (0.25 + 0.3 * stroke)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    hatch = 0.5 + 0.5 * np.sin((x + y) * 0.95 + 0.4 * noise(rng, 4, 4))
    for drawing in drawings:
        rgb, alpha = _paint(drawing)
        rows, columns, own_rows, own_columns = drawing.window
        strength = np.full(alpha.shape, 0.6, np.float32)
        strength[own_rows, own_columns, 0] = 0.56 + 0.24 * hatch[rows, columns]
        _blend(canvas, drawing, paper + (rgb - paper) * strength, alpha)
        _blend(canvas, drawing, _ink(drawing.colour) * 0.75, 0.9 * _lines(drawing, 1, 4))
    return canvas


def _pixel(backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator) -> np.ndarray:
    steps = np.clip(np.round(backdrop.pattern[::CELL, ::CELL] * 1.5), -2, 2)
    bands = backdrop.gradient[np.arange(0, SIDE, CELL) // 16 * 16 + 8]
    canvas = (bands * (1 + 0.05 * steps)[..., None]).repeat(CELL, 0).repeat(CELL, 1)
    middle = SCALE * CELL // 2
    for drawing in drawings:
        rgb, share = _paint(drawing, SCALE * CELL)
        solid = share[..., 0] >= HALF
        # One label per cell keeps the colours few; where the middle is empty, take the mean.
        label = drawing.labels[middle :: SCALE * CELL, middle :: SCALE * CELL]
        rgb = np.where(label[..., None] > 0, _table(drawing.colour)[label][..., :3] / 255, rgb)
        rim = solid & _grow_cross(~solid) & (label != INK) & (label != GLASS)
        rgb = (rgb * np.where(rim, 0.62, 1)[..., None]).astype(np.float32)
        alpha = solid[..., None].astype(np.float32)
        _blend(canvas, drawing, _enlarge(rgb), _enlarge(alpha))
    return canvas


def _grow_cross(area: np.ndarray) -> np.ndarray:
    grown = area.copy()
    grown[1:] |= area[:-1]
    grown[:-1] |= area[1:]
    grown[:, 1:] |= area[:, :-1]
    grown[:, :-1] |= area[:, 1:]
    return grown


def _enlarge(cells: np.ndarray) -> np.ndarray:
    return cells.repeat(CELL, 0).repeat(CELL, 1)


def _watercolour(
    backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator
) -> np.ndarray:
    paper = np.array([0.98, 0.975, 0.955], np.float32)
    grain = noise(rng, 6, 6)
    wash = np.clip(0.62 + 0.08 * grain + 0.13 * backdrop.pattern, 0.1, 1)[..., None]
    canvas = paper + (backdrop.gradient - paper) * wash
    for drawing in drawings:
        rgb, alpha = _paint(drawing)
        rows, columns, own_rows, own_columns = drawing.window
        soft = uniform_filter(alpha[..., 0], 3)
        rim = 1 - uniform_filter(soft, 5)  # pigment gathers where the wet paint ends
        pigment = np.full(soft.shape, 0.86, np.float32)
        pigment[own_rows, own_columns] += 0.1 * grain[rows, columns]
        painted = paper + (rgb - paper) * np.clip(pigment, 0.66, 1)[..., None]
        painted = painted * (1.03 - 0.62 * rim)[..., None]
        _blend(canvas, drawing, painted, 0.4 * soft[..., None] + 0.6 * alpha)
    return canvas


def _neon(backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator) -> np.ndarray:
    tint = backdrop.gradient / backdrop.gradient.max(axis=-1, keepdims=True)
    glimmer = 0.09 + 0.1 * backdrop.gradient.mean() + 0.045 * backdrop.pattern[..., None]
    canvas = glimmer * (0.25 + 0.75 * tint**4)
    dark = canvas.copy()
    for drawing in drawings:
        rows, columns, own_rows, own_columns = drawing.window
        tube = np.array(PAINTS[drawing.colour], np.float32)
        tube = 0.12 + 0.88 * tube / tube.max()
        alpha = coverage(drawing.labels)[..., None]
        line = _lines(drawing, 1, 4)
        glow = gaussian_filter(line, (3, 3, 0), truncate=2.5)
        under = canvas[rows, columns]
        alpha, line, glow = (part[own_rows, own_columns] for part in (alpha, line, glow))
        under += (0.7 * dark[rows, columns] + 0.14 * tube - under) * alpha
        under += (tube - under) * np.clip(0.9 * glow, 0, 1)
        under += (tube * 0.75 + 0.25 - under) * line
    return canvas


_PAINTERS: dict[str, Callable[[Backdrop, Sequence[Drawing], np.random.Generator], np.ndarray]] = {
    "photo": _photo,
    "flat": _flat,
    "sketch": _sketch,
    "pixel": _pixel,
    "watercolour": _watercolour,
    "neon": _neon,
}

STYLES = tuple(_PAINTERS)


def render(
    style: str, backdrop: Backdrop, drawings: Sequence[Drawing], rng: np.random.Generator
) -> np.ndarray:
    """(128, 128, 3) uint8: the drawings on the backdrop in this style, later ones on top."""
    painted = _PAINTERS[style](backdrop, drawings, rng)
    return (np.clip(painted, 0, 1) * 255 + 0.5).astype(np.uint8)
