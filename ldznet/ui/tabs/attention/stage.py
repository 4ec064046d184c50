"""Maps and pictures as HTML: each with its words above, a colour bar and downloads below."""

from html import escape

import numpy as np

from ldznet.figures.inspection import highest
from ldznet.figures.pictures import draw_heat, draw_signed
from ldznet.ui.cards import photo_uri, png_uri
from ldznet.ui.markup import term

_BAR = 128  # levels of a colour bar


def picture_style(image: np.ndarray) -> str:
    """The style of an element whose stages lie over this picture, which is sent only once."""
    height, width = image.shape[:2]
    return f"--picture:url({photo_uri(image)});--shape:{width / height:.4f}"


def heat(values: np.ndarray, high: float | None = None, kind: str = "") -> str:
    """A layer of heat from a map (h, w), from 0 to `high` (by default its maximum)."""
    return layer(draw_heat(values, high or highest(values)), f"heat {kind}")


def layer(array: np.ndarray, kind: str = "") -> str:
    """A uint8 picture (h, w, 3) stretched over its stage; kind "cells" keeps cells crisp."""
    return f'<img class="layer {kind}" src="{png_uri(array)}" alt="">'


def stage(layers: str = "", label: str = "", kind: str = "", attributes: str = "") -> str:
    """A picture area of the picture's shape; kind "grey" takes the colour from the picture."""
    role = f'role="img" aria-label="{escape(label)}"' if label and not attributes else ""
    return f'<div class="sight {kind}" {role} {attributes}>{layers}</div>'


def heat_bar(high: float, what: str) -> str:
    """The colours of heat with their range in numbers."""
    levels = np.linspace(0, 1, _BAR)[None]
    return _bar(draw_heat(levels), "0", number(high), what)


def signed_bar(extent: float, what: str) -> str:
    """The colours of signed values with their range in numbers."""
    levels = np.linspace(-1, 1, _BAR)[None]
    return _bar(draw_signed(levels, 1.0), f"−{number(extent)}", number(extent), what)


def _bar(colours: np.ndarray, low: str, high: str, what: str) -> str:
    return (
        f'<p class="scale"><span>{low}</span><img src="{png_uri(colours)}" alt="">'
        f"<span>{high}</span><span>{what}</span></p>"
    )


def figure(title: str, inner: str, below: str = "", take: str = "") -> str:
    """A stage under its title, with what explains it below, and its downloads if it has any."""
    said = f"<div>{below}{downloads(take)}</div>" if below or take else ""
    return f'<figure class="view"><figcaption>{title}</figcaption>{inner}{said}</figure>'


def downloads(name: str) -> str:
    """Two buttons that hand out the figure of this name, as a picture and as numbers."""
    if not name:
        return ""
    return (
        '<p class="take">'
        f'<button type="button" data-take="png:{name}" title="The figure with its title, colour '
        'bar, block, timestep and seed">Figure (PNG)</button>'
        f'<button type="button" data-take="npz:{name}" title="The numbers behind it, for '
        'numpy.load">Arrays (NPZ)</button></p>'
    )


def number(value: float) -> str:
    """A value in three significant digits, without an exponent where that stays short."""
    return f"{value:.3g}" if value == 0 or abs(value) >= 1e-4 else f"{value:.1e}"


def block_name(block: int) -> str:
    """A block's number as a term that explains itself."""
    return f"{term('block')} {block}"
