"""Transparent layers to lay over a picture: what overlay, contours, errors and agreement share.

A layer may be drawn at a whole multiple (`scale`) of its masks' size: masks keep their hard pixel
edges, while outlines and hatching keep their width, and the picture below can be enlarged smoothly.
"""

from collections.abc import Sequence

import numpy as np

from ldznet.figures.palette import rgb

OUTLINE = 2  # pixels
_PERIOD = 10  # pixels from one stroke of a hatching to the next


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
