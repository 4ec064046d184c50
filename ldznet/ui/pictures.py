"""The pictures of the page: bytes for the browser from a comparison and a look."""

import io
from base64 import b64encode
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ldznet.figures.palette import phrase_colours
from ldznet.figures.pictures import (
    agreement_layer,
    composite,
    contour_layer,
    draw_cutout,
    draw_heat,
    draw_masks,
    enlarge,
    error_layer,
    overlay_layer,
)
from ldznet.types import Segmentation
from ldznet.ui.comparison import Comparison, shown
from ldznet.ui.look import Look

# Longest side of a drawn layer: more than a card is wide, quick to draw and to send.
SIDE = 512
OUTLINE = 3  # pixels of a layer, about two on the screen


def colours_of(comparison: Comparison, look: Look) -> dict[str, str]:
    """The colour of each phrase shown; a hidden phrase leaves the others theirs."""
    order = comparison.phrases if look.order is None else look.order
    own = dict(zip(order, phrase_colours(len(order)), strict=True))
    return {phrase: own[phrase] for phrase in comparison.phrases if shown(phrase, look.phrases)}


def draw_view(
    found: Segmentation, truths: Sequence[np.ndarray | None], colours: Sequence[str], look: Look
) -> np.ndarray | None:
    """One network's layer (RGBA) or whole picture (RGB) in the look's view.

    None where there is nothing to draw: no phrase is shown, or errors without a truth.
    """
    if not found.phrases:
        return None
    masks, scale = fit(found.mask)
    if look.view == "mask":
        return draw_masks(masks, colours, scale)
    if look.view == "heat":
        return draw_heat(found.probability.max(axis=0))
    if look.view == "contour":
        return contour_layer(masks, colours, scale, OUTLINE)
    if look.view == "cutout":
        mask = enlarge(union(masks), scale)
        return draw_cutout(_resized(found.image, *mask.shape), mask)
    if look.view == "errors":
        known = [number for number, truth in enumerate(truths) if truth is not None]
        if not known:
            return None
        truth = fit(np.stack([truth for truth in truths if truth is not None]))[0]
        return error_layer(union(masks[known]), union(truth), scale)
    return overlay_layer(masks, colours, look.opacity, scale, OUTLINE)


def draw_agreement(found: dict[str, Segmentation]) -> np.ndarray:
    """The networks' agreement (RGBA) over all phrases of the segmentations together."""
    fitted = {name: fit(each.mask) for name, each in found.items()}
    scale = max(scale for _, scale in fitted.values())
    return agreement_layer({name: union(mask) for name, (mask, _) in fitted.items()}, scale)


def draw_large(image: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: a layer over its picture, which is brought smoothly to the layer's size."""
    return composite(_resized(image, *layer.shape[:2]), layer)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8, smoothly."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def union(masks: np.ndarray) -> np.ndarray:
    """(H, W) bool: where any of the masks (P, H, W) is."""
    return np.logical_or.reduce(masks)


def fit(masks: np.ndarray) -> tuple[np.ndarray, int]:
    """Masks (..., H, W) thinned to at most SIDE, and the whole factor that brings them near it."""
    longest = max(masks.shape[-2:])
    step = -(-longest // SIDE)
    return masks[..., ::step, ::step], max(1, SIDE // longest)


def png_uri(array: np.ndarray) -> str:
    """A uint8 array (H, W[, 3 or 4]) as a lossless data URI."""
    return _uri(Image.fromarray(array), "PNG", compress_level=1)


def photo_uri(image: np.ndarray, side: int = SIDE) -> str:
    """A picture (H, W, 3) uint8 for the page, at most so large: exact if small, else WebP."""
    picture = Image.fromarray(image)
    if max(picture.size) <= side:
        return _uri(picture, "PNG")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _uri(picture, "WEBP", quality=90)


def _uri(picture: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{b64encode(file.getvalue()).decode()}"
