"""Words on a figure: the fonts a machine has, and how much room a text takes in them."""

from bisect import bisect
from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np

DOTS = 150  # per inch, of every figure
# Whichever of these the machine has; the last comes with matplotlib and knows many scripts.
_FONTS = ("Helvetica Neue", "Segoe UI", "Noto Sans", "Liberation Sans", "Arial", "DejaVu Sans")


@cache
def fonts() -> tuple[str, ...]:
    """The machine's sans serif fonts, best first; a later one lends glyphs the first lacks."""
    from matplotlib.font_manager import fontManager

    present = set(fontManager.get_font_names())
    return tuple(font for font in _FONTS if font in present)


@lru_cache(maxsize=1024)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Inches that a text of `size` points takes."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(family=fonts(), size=size, weight=weight)
    renderer = RendererAgg(1, 1, DOTS)
    return renderer.get_text_width_height_descent(text, properties, ismath=False)[0] / DOTS


def cut(text: str, width: float, size: float, weight: str = "normal") -> str:
    """The text, its end replaced by "…" if it would be wider than `width` inches."""
    if text_width(text, size, weight) <= width:
        return text

    def too_wide(length: int) -> bool:
        return text_width(text[:length].rstrip() + "…", size, weight) > width

    # Halving: letter by letter a long text would take a minute.
    longest = bisect(range(1, len(text)), False, key=too_wide)
    return text[:longest].rstrip() + "…"


def wrap(text: str, width: float, size: float) -> tuple[str, ...]:
    """The text in lines of at most `width` inches, broken between words where that is possible."""
    return tuple(_lines(text, width, size))


def _lines(text: str, width: float, size: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and text_width(f"{line} {word}", size) <= width:
            line = f"{line} {word}"
            continue
        if line:
            yield line
        line = cut(word, width, size)
    if line:
        yield line


def numeral(value: float, digits: int = 3) -> str:
    """A number in so many digits, never as a power of ten: 0.0312, 1.5, 128."""
    text = np.format_float_positional(value, precision=digits, fractional=False, trim="-")
    return text.replace("-", "−")
