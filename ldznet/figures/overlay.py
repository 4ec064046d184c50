"""Masks over their picture, alone, as contours, and as cut-outs."""

from collections.abc import Sequence

import numpy as np

from ldznet.figures.layers import (
    OUTLINE,
    check_masks,
    composite,
    empty_layer,
    enlarge,
    paint,
    rim,
)
from ldznet.figures.palette import phrase_colours

OPACITY = 0.45
_CASING = "#000000"


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
