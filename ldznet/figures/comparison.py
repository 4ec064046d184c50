"""Errors against a truth and agreement of networks, each over the picture without its colours."""

from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from ldznet.figures.enlarge import check_image, check_size, enlarge_image, whole_factor
from ldznet.figures.layers import composite, enlarge, paint
from ldznet.figures.maps import agreement_layer, error_layer
from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, NETWORK_COLOURS

ERROR_COLOURS = {"correct": "#009E73", "missed": MISSED, "false": FALSE}
_CORRECT_OPACITY = 0.3
_NAMES = {"rgbnet": "RGBNet", "znet": "ZNet", "ldznet": "LD-ZNet"}


def draw_errors(
    image: np.ndarray, mask: np.ndarray, truth: np.ndarray, side: int | None = None
) -> np.ndarray:
    """A mask's errors, (H', W', 3) uint8, in `ERROR_COLOURS`.

    Found pixels are lightly tinted; missed ones carry rising strokes and falsely found ones
    falling strokes.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.
        truth: (H, W) bool.
        side: pixels the longer side has at least, by a whole factor; by default the own size.

    Raises:
        ValueError: if the three do not fit each other.
    """
    picture, scale = _picture(image, [mask, truth], side)
    layer = error_layer(mask, truth, scale)
    paint(layer, enlarge(mask & truth, scale), ERROR_COLOURS["correct"], _CORRECT_OPACITY)
    return composite(picture, layer)


def draw_agreement(
    image: np.ndarray, masks: Mapping[str, np.ndarray], side: int | None = None
) -> np.ndarray:
    """Which networks' masks hold each pixel, (H', W', 3) uint8; colours as in `agreement_layer`.

    Args:
        image: (H, W, 3) uint8.
        masks: network name to (H, W) bool.
        side: pixels the longer side has at least, by a whole factor; by default the own size.

    Raises:
        ValueError: if there is no mask, a network is unknown or a mask does not fit the image.
    """
    _check_names(masks)
    picture, scale = _picture(image, list(masks.values()), side)
    return composite(picture, agreement_layer(masks, scale))


def agreement_legend(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """("#rrggbb", label) of every colour `draw_agreement` uses for these networks, in order.

    Raises ValueError if there is no network or one is unknown.
    """
    names = tuple(names)
    _check_names(names)
    where = "{} alone, or striped with another" if len(names) > 2 else "only {}"
    own = tuple((NETWORK_COLOURS[name], where.format(_NAMES[name])) for name in names)
    return ((ALL_AGREE, "all agree"), *(own if len(names) > 1 else ()))


def _check_names(names: Iterable[str]) -> None:
    names = list(names)
    if not names:
        raise ValueError("Agreement needs the mask of at least one network.")
    for name in names:
        if name not in NETWORK_COLOURS:
            known = ", ".join(NETWORK_COLOURS)
            raise ValueError(f"There is no network '{name}'; choose from {known}.")


def _picture(
    image: np.ndarray, masks: list[np.ndarray], side: int | None
) -> tuple[np.ndarray, int]:
    """The picture without its colours at `side`, and the scale of its masks, checked, there."""
    check_image(image)
    for mask in masks:
        check_size(mask, image)
        if mask.ndim != 2:
            raise ValueError(f"A comparison takes masks (H, W); got {mask.shape}.")
    scale = 1 if side is None else whole_factor(image.shape, side)
    large = image if side is None else enlarge_image(image, side)
    return np.array(Image.fromarray(large).convert("L").convert("RGB")), scale
