"""Pictures of arrays: masks over their picture, contours, cut-outs, heat, errors, agreement.

What lies over a picture is a layer, transparent elsewhere. It may be drawn at a whole multiple
(`scale`) of its masks' size: masks keep their hard pixel edges, while outlines and hatching keep
their width, and the picture below can be enlarged smoothly.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from PIL import Image

from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, network_colours, phrase_colours, rgb

OUTLINE = 2  # pixels
OPACITY = 0.45
_PERIOD = 10  # pixels from one stroke of a hatching to the next
_CASING = "#000000"
_SHADE = ("#0B0F19", 0.55)  # dims what a map does not speak of


# Masks: over their picture, alone, as contours, as cut-outs.


def overlay_layer(
    masks: np.ndarray,
    colours: Sequence[str] | None = None,
    opacity: float = OPACITY,
    scale: int = 1,
    outline: int = OUTLINE,
) -> np.ndarray:
    """(H x scale, W x scale, 4) uint8: each mask (P, H, W) filled, with a solid outline.

    Without colours ("#rrggbb" per mask) they are those of the phrases in order. `opacity` in
    [0, 1] is the fill's, `outline` the line's width in pixels.
    """
    masks = check_masks(masks, colours)
    colours = colours or phrase_colours(len(masks))
    layer = empty_layer(*masks.shape[1:])
    for mask, colour in zip(masks, colours, strict=True):
        paint(layer, mask, colour, opacity)
    layer = enlarge(layer.transpose(2, 0, 1), scale).transpose(1, 2, 0)
    for mask, colour in zip(masks, colours, strict=True):  # last, so that no outline is buried
        paint(layer, rim(enlarge(mask, scale), outline), colour)
    return layer


def draw_overlay(
    image: np.ndarray,
    masks: np.ndarray,
    colours: Sequence[str] | None = None,
    opacity: float = OPACITY,
) -> np.ndarray:
    """(H, W, 3) uint8: masks (P, H, W) bool over their image (H, W, 3) uint8; see the layer.

    Raises ValueError if masks, image and colours do not fit each other.
    """
    return composite(_check_image(image, masks), overlay_layer(masks, colours, opacity))


def draw_masks(
    masks: np.ndarray, colours: Sequence[str] | None = None, scale: int = 1
) -> np.ndarray:
    """(H x scale, W x scale, 3) uint8: masks (P, H, W) in colour on black, the last on top."""
    layer = overlay_layer(masks, colours, opacity=1.0, scale=scale)
    return composite(np.zeros_like(layer[..., :3]), layer)


def contour_layer(
    masks: np.ndarray,
    colours: Sequence[str] | None = None,
    scale: int = 1,
    outline: int = OUTLINE,
) -> np.ndarray:
    """(H x scale, W x scale, 4) uint8: outlines alone, cased in black to show on any picture."""
    masks = check_masks(masks, colours)
    large = enlarge(masks, scale)
    layer = empty_layer(*large.shape[1:])
    for mask, colour in zip(large, colours or phrase_colours(len(masks)), strict=True):
        line = rim(mask, outline)
        casing = (rim(mask, outline + 1) & ~line) | rim(~mask, 1)
        paint(layer, casing, _CASING, 0.6)
        paint(layer, line, colour)
    return layer


def draw_cutout(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8: the image where the mask (H, W) bool is, transparent elsewhere."""
    _check_image(image, mask[None])
    return np.concatenate([image, mask[..., None].astype(np.uint8) * 255], axis=-1)


def _check_image(image: np.ndarray, masks: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(f"An image must be uint8 (H, W, 3); got {image.dtype} {image.shape}.")
    if np.asarray(masks).shape[1:] != image.shape[:2]:
        raise ValueError(
            f"Masks {np.asarray(masks).shape[1:]} and image {image.shape[:2]} differ in size."
        )
    return image


# Maps: numbers as colours, a mask against its truth, networks against each other.


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
    own = [(network_colours()[name], 1.0) for name in masks]
    return colour_in(labels, _SHADE, (ALL_AGREE, 0.9), *own)


@cache
def _colours(name: str, count: int) -> np.ndarray:
    """(count, 3) uint8: a colour map of matplotlib's in so many levels."""
    from matplotlib import colormaps  # takes a third of a second: only when first needed

    levels = colormaps[name].resampled(count)(np.arange(count))
    return (levels[:, :3] * 255).round().astype(np.uint8)


# Layers.


def empty_layer(height: int, width: int) -> np.ndarray:
    """(H, W, 4) uint8, transparent all over."""
    return np.zeros((height, width, 4), np.uint8)


def enlarge(masks: np.ndarray, scale: int) -> np.ndarray:
    """(..., H, W) to a copy (..., H x scale, W x scale): every pixel becomes a square."""
    return masks.repeat(scale, axis=-2).repeat(scale, axis=-1)


def paint(layer: np.ndarray, where: np.ndarray, colour: str, opacity: float = 1.0) -> None:
    """Paint a colour over part of a layer, in place; `where` is (H, W) bool."""
    if opacity == 1:
        layer[where] = (*rgb(colour), 255)
        return
    below = layer[where].astype(np.float32) / 255
    alpha = opacity + below[:, 3:] * (1 - opacity)
    mixed = rgb(colour) / 255 * opacity + below[:, :3] * below[:, 3:] * (1 - opacity)
    mixed /= np.maximum(alpha, 1e-6)
    layer[where] = np.round(np.concatenate([mixed, alpha], axis=1) * 255)


def rim(mask: np.ndarray, width: int = OUTLINE) -> np.ndarray:
    """(H, W) bool: the outermost pixels of a mask, not where the picture's border cuts it."""
    inside = mask
    for _ in range(width):
        padded = np.pad(inside, 1, constant_values=True)
        inside = inside & padded[:-2, 1:-1] & padded[2:, 1:-1]
        inside &= padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def stripes(shape: tuple[int, ...], count: int, rising: bool = True) -> np.ndarray:
    """(H, W) int in 0 ... count - 1: diagonal stripes, for hatching that needs no colour."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    diagonal = columns + rows if rising else columns - rows
    return diagonal % _PERIOD * count // _PERIOD


def colour_in(labels: np.ndarray, *paints: tuple[str, float]) -> np.ndarray:
    """A layer (H, W, 4) from labels (H, W): paint number n - 1, a colour and its opacity, for n."""
    table = np.zeros((len(paints) + 1, 4), np.uint8)  # label 0 stays transparent
    for row, (colour, opacity) in zip(table[1:], paints, strict=True):
        row[:] = (*rgb(colour), round(opacity * 255))
    return table[labels]


def composite(image: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: a layer (H, W, 4) over a picture (H, W, 3) of its size."""
    alpha = layer[..., 3:].astype(np.uint32)
    mixed = layer[..., :3] * alpha + image * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def check_masks(masks: np.ndarray, colours: Sequence[str] | None) -> np.ndarray:
    """The masks as (P, H, W) bool; raises ValueError if they or the colours do not fit."""
    masks = np.asarray(masks)
    if masks.ndim != 3 or masks.dtype != bool:
        raise ValueError(f"Masks must be bool (P, H, W); got {masks.dtype} {masks.shape}.")
    if colours is not None and len(colours) != len(masks):
        raise ValueError(f"{len(masks)} masks need as many colours; got {len(colours)}.")
    return masks


# Small arrays at the size of the picture they belong to.


def enlarge_picture(image: np.ndarray, scale: int) -> np.ndarray:
    """(H x scale, W x scale, 3) uint8, smooth."""
    height, width = image.shape[:2]
    size = (width * scale, height * scale)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def enlarge_map(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width) float32 from values (h, w), smooth, and within their range."""
    grid = Image.fromarray(np.asarray(values, np.float32))
    large = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
    return large.clip(values.min(), values.max())  # cubic curves overshoot


def enlarge_cells(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width[, 3]) from (h, w) or (h, w, 3) of any kind: every cell a crisp block."""
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    return values[rows[:, None], columns]


def display_scale(image: np.ndarray, side: int = 512) -> int:
    """The whole factor, at least 1, that brings a picture's longer side nearest below `side`."""
    return max(1, side // max(image.shape[:2]))
