"""The heat map as it is shown: at display size with a colour bar, or over its picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ldznet.figures import maps
from ldznet.figures.enlarge import check_image, enlarge_image, whole_factor
from ldznet.figures.layers import enlarge

_TICKS = (0, 0.5, 1)
_GROUND, _INK = "#0B0F19", "#CBD5E1"
_GAP, _BAR, _STRIP = 6, 8, 32  # pixels: above the bar, the bar, bar and labels in all
_FONT = 12  # pixels
_OVER_PICTURE = 0.7  # opacity of the heat over a picture


def draw_heat(
    probability: np.ndarray, side: int | None = None, image: np.ndarray | None = None
) -> np.ndarray:
    """A probability map in magma over the fixed range 0 to 1, (H', W', 3) uint8.

    Args:
        probability: (H, W) float in [0, 1].
        side: pixels the longer side of the map has at least, by a whole factor, for display; a
            strip with a colour bar is then added below, outside the map.
        image: (H, W, 3) uint8 to lay the heat over, without its colours; by default none.

    Raises:
        ValueError: if the map is no (H, W) in [0, 1], or the image is not of its size.
    """
    if probability.ndim != 2 or not np.all((probability >= 0) & (probability <= 1)):
        raise ValueError(f"A heat map takes (H, W) in [0, 1]; got {probability.shape}.")
    heat = maps.draw_heat(probability)
    if side is not None:
        factor = whole_factor(probability.shape, side)
        heat = np.stack([enlarge(channel, factor) for channel in np.moveaxis(heat, -1, 0)], -1)
    if image is not None:
        heat = _over(image, heat, probability.shape, side)
    return heat if side is None else np.concatenate([heat, _colour_bar(heat.shape[1])])


def _over(
    image: np.ndarray, heat: np.ndarray, shape: tuple[int, ...], side: int | None
) -> np.ndarray:
    check_image(image)
    if image.shape[:2] != shape:
        raise ValueError(f"Heat map {shape} and image {image.shape[:2]} differ in size.")
    large = image if side is None else enlarge_image(image, side)
    grey = Image.fromarray(large).convert("L").convert("RGB")
    return np.array(Image.blend(grey, Image.fromarray(heat), _OVER_PICTURE))


def _colour_bar(width: int) -> np.ndarray:
    """(_STRIP, width, 3) uint8: magma from 0 at the left to 1, with its ticks below."""
    strip = Image.new("RGB", (width, _STRIP), _GROUND)
    strip.paste(Image.fromarray(maps.draw_colour_bar(width, _BAR)), (0, _GAP))
    draw = ImageDraw.Draw(strip)
    font = ImageFont.load_default(_FONT)
    for tick in _TICKS:
        x = round(tick * (width - 1))
        label = f"{tick:g}"
        wide = draw.textlength(label, font)
        left = min(max(x - wide / 2, 2), width - 2 - wide)
        draw.line([(x, _GAP + _BAR), (x, _GAP + _BAR + 2)], _INK)
        draw.text((left, _GAP + _BAR + 3), label, _INK, font)
    return np.array(strip)
