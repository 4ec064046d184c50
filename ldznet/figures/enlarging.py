"""Small arrays at the size of the picture they belong to."""

import numpy as np
from PIL import Image


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
