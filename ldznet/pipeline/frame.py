"""Where a picture lies in the canvas that the networks see, and the way back."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn import functional

from ldznet.images import to_pixels

# A side of one multiple is a single cell on the U-Net's coarsest level. On pocket oblong pictures
# are found much worse so (a picture of 2:1 at 192 x 64 instead of 192 x 96 in 192 x 128).
LEAST_MULTIPLES = 2


@dataclass(frozen=True)
class Frame:
    """A canvas of `width` x `height` pixels and the rectangle in it that the picture fills."""

    width: int
    height: int
    left: int
    top: int
    inner_width: int
    inner_height: int

    def fill(self, picture: Image.Image) -> Tensor:
        """(1, 3, height, width) in [-1, 1]: an RGB picture, its edges repeated to the borders."""
        return to_pixels(self.place(picture)[None])

    def place(self, picture: Image.Image) -> np.ndarray:
        """(height, width, 3) uint8: an RGB picture resized, its edges repeated to the borders."""
        inner = (self.inner_width, self.inner_height)
        if picture.size != inner:
            picture = picture.resize(inner, Image.Resampling.LANCZOS)
        right = self.width - self.left - self.inner_width
        bottom = self.height - self.top - self.inner_height
        return np.pad(
            np.asarray(picture), ((self.top, bottom), (self.left, right), (0, 0)), mode="edge"
        )

    def restore(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, C, H, W) at the picture's own `size` (W, H) of maps (B, C, height, width)."""
        maps = maps[
            ...,
            self.top : self.top + self.inner_height,
            self.left : self.left + self.inner_width,
        ]
        width, height = size
        if maps.shape[-2:] == (height, width):
            return maps
        # Antialiased, so that a picture smaller than its frame loses no thin part.
        return functional.interpolate(maps, size=(height, width), mode="bilinear", antialias=True)

    def locate(self, point: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
        """The canvas pixel (x, y) that holds the middle of a pixel of a picture of `size`."""
        x = self.left + int((point[0] + 0.5) * self.inner_width / size[0])
        y = self.top + int((point[1] + 0.5) * self.inner_height / size[1])
        return x, y


def whole_frame(width: int, height: int) -> Frame:
    """A frame that the picture fills."""
    return Frame(width, height, 0, 0, width, height)


def choose_frame(width: int, height: int, *, native_size: int, multiple: int) -> Frame:
    """The frame for a picture of this size, which keeps its aspect but for rounding to pixels.

    The canvas has sides of `multiple`, two of them at least. Of all canvases the one is taken that
    brings the picture nearest to native_size x native_size in area with the least border around it.
    """
    best: tuple[float, Frame] | None = None
    longest = math.ceil(native_size * math.sqrt(max(width, height) / min(width, height)))
    sides = range(LEAST_MULTIPLES * multiple, longest + 2 * multiple, multiple)
    for columns in sides:
        for rows in sides:
            scale = min(columns / width, rows / height)
            area = scale**2 * width * height
            border = math.log(columns * rows / area)
            cost = round(abs(math.log(area / native_size**2)) + border, 6)  # turned, the same
            if best is None or cost < best[0]:
                inner = max(1, round(scale * width)), max(1, round(scale * height))
                left, top = (columns - inner[0]) // 2, (rows - inner[1]) // 2
                best = cost, Frame(columns, rows, left, top, *inner)
    assert best is not None
    return best[1]


def official_frame(width: int, height: int, *, native_size: int, multiple: int) -> Frame:
    """The frame of the official inference, which the picture fills however its aspect changes.

    About native_size x native_size in area, each side rounded down, in the official order of
    floating-point steps. Raises ValueError for a picture so narrow that nothing is left of a side.
    """
    aspect = height / width
    columns = int(math.sqrt(native_size * native_size / aspect))
    rows = int(aspect * columns)
    columns, rows = columns - columns % multiple, rows - rows % multiple
    if not columns or not rows:
        raise ValueError(
            f"The image is {width} x {height} pixels, too narrow for the official recipe, which "
            f"rounds its sides down to multiples of {multiple}; use the deterministic recipe."
        )
    return whole_frame(columns, rows)
