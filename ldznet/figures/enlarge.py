"""Enlargement for display by whole factors: pictures smoothly, masks with crisp pixel edges."""

import numpy as np
from PIL import Image


def whole_factor(shape: tuple[int, ...], side: int) -> int:
    """The smallest whole factor that makes the longer side of (H, W, ...) at least `side` pixels.

    Raises ValueError if the shape is empty or `side` is below one pixel.
    """
    if len(shape) < 2 or min(shape[:2]) < 1 or side < 1:
        raise ValueError(f"Enlarging needs a picture and a side in pixels; got {shape}, {side}.")
    return -(-side // max(shape[:2]))


def enlarge_image(image: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) uint8 enlarged smoothly (Lanczos) by `whole_factor`; unchanged if large enough.

    Raises ValueError if the image is not uint8 (H, W, 3).
    """
    check_image(image)
    factor = whole_factor(image.shape, side)
    if factor == 1:
        return image
    height, width = image.shape[:2]
    size = (width * factor, height * factor)
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def enlarge_mask(mask: np.ndarray, factor: int) -> np.ndarray:
    """(..., H, W) bool to (..., H x factor, W x factor): every pixel becomes a square.

    Raises ValueError if the mask is not bool or the factor is below 1.
    """
    if mask.dtype != bool or mask.ndim < 2:
        raise ValueError(f"A mask must be bool (..., H, W); got {mask.dtype} {mask.shape}.")
    if factor < 1:
        raise ValueError(f"A mask is enlarged by a whole factor of at least 1; got {factor}.")
    return mask.repeat(factor, axis=-2).repeat(factor, axis=-1) if factor > 1 else mask


def check_image(image: np.ndarray) -> None:
    """Raises ValueError if the image is not uint8 (H, W, 3)."""
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(f"An image must be uint8 (H, W, 3); got {image.dtype} {image.shape}.")


def check_size(mask: np.ndarray, image: np.ndarray) -> None:
    """Raises ValueError if a mask is not bool (..., H, W) of its image's height and width."""
    if mask.dtype != bool or mask.shape[-2:] != image.shape[:2]:
        raise ValueError(
            f"A mask must be bool of its image's size {image.shape[:2]}; "
            f"got {mask.dtype} {mask.shape}."
        )
