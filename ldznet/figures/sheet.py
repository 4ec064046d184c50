"""A sheet: pictures in rows under a title, with colour bars, as a matplotlib figure.

Only matplotlib's objects are used, never `pyplot`, whose state all threads would share. Positions
are reckoned in inches, so that panels are equal whatever their labels say.
"""

import io
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.pictures import draw_heat, draw_signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS = 150  # per inch, of every figure
# Whichever of these the machine has; the last comes with matplotlib and knows many scripts.
_FONTS = ("Helvetica Neue", "Segoe UI", "Noto Sans", "Liberation Sans", "Arial", "DejaVu Sans")
_INK, _MUTED, _LINE = "#0F172A", "#475569", "#CBD5E1"
_TITLE, _TEXT, _SMALL = 14.0, 11.0, 10.0  # points
# Inches.
_MARGIN, _GAP = 0.35, 0.2
_TITLE_LINE, _TEXT_LINE = 0.34, 0.23
_CAPTION, _HEADING = 0.27, 0.36
_BAR_GAP, _BAR_WIDTH, _BAR_ROOM = 0.12, 0.13, 0.95
_LEAST_WIDTH = 6.0  # so that a title has room
_MAX_ASPECT = 3.0  # longer pictures get bands beside or below


@dataclass(frozen=True)
class Bar:
    """A colour bar: heat from 0 to `high`, or signed from -`high` to `high`."""

    high: float
    label: str
    signed: bool = False

    @property
    def low(self) -> float:
        return -self.high if self.signed else 0.0

    def draw(self) -> np.ndarray:
        """(256, 1, 3) uint8, the highest value first."""
        values = np.linspace(self.high, self.low, 256)[:, None]
        return draw_signed(values, self.high) if self.signed else draw_heat(values, self.high)


@dataclass(frozen=True)
class Panel:
    """A picture (H, W, 3) uint8, words over it at left and right, and its colour bar, if any."""

    picture: np.ndarray
    caption: str
    note: str = ""
    bar: Bar | None = None


@dataclass(frozen=True)
class Section:
    """Panels, and the heading over them, if any."""

    panels: Sequence[Panel]
    heading: str = ""


def share_bar(panels: Sequence[Panel], bar: Bar, columns: int) -> tuple[Panel, ...]:
    """The panels, with one bar for all at the right end of the first row."""
    last = min(columns, len(panels)) - 1
    return tuple(
        replace(panel, bar=bar if number == last else None) for number, panel in enumerate(panels)
    )


def build_sheet(
    title: str,
    subtitle: str,
    sections: Iterable[Section],
    *,
    columns: int,
    side: float,
    footnote: str = "",
) -> "Figure":
    """A figure of equal panels, `columns` to a row, on white.

    `side` is a square panel's, in inches; others have its area and the first picture's shape.
    Words too long for their place are cut or wrapped; none is read as a formula.
    """
    sections = [section for section in sections if section.panels]
    width, height = _panel_size(sections[0].panels[0].picture, side)
    blocks = [(section.heading, _chunks(section.panels, columns)) for section in sections]
    rows = [row for _, chunks in blocks for row in chunks]
    starts = _column_starts(rows, width)
    inside = max(starts[len(row) - 1] + width + _BAR_ROOM * bool(row[-1].bar) for row in rows)
    inside = max(inside, _LEAST_WIDTH)
    above, below = wrap(subtitle, inside, _TEXT), wrap(footnote, inside, _SMALL)
    total = _TITLE_LINE + _TEXT_LINE * (len(above) + len(below)) + _GAP * bool(below)
    for heading, chunks in blocks:
        total += _HEADING * bool(heading) + len(chunks) * (_CAPTION + height + _GAP)

    page = _Page(inside + 2 * _MARGIN, total + 2 * _MARGIN)
    down = _MARGIN
    page.write(cut(title, inside, _TITLE, "bold"), _MARGIN, down, _TITLE, weight="bold")
    down += _TITLE_LINE
    for line in above:
        page.write(line, _MARGIN, down, _TEXT, colour=_MUTED)
        down += _TEXT_LINE
    for heading, chunks in blocks:
        if heading:
            page.write(heading, _MARGIN, down + _GAP * 0.8, _TEXT, weight="bold")
            down += _HEADING
        for row in chunks:
            _draw_row(page, row, starts, down + _GAP / 2, width, height)
            down += _CAPTION + height + _GAP
    for number, line in enumerate(below):
        page.write(line, _MARGIN, down + _GAP + number * _TEXT_LINE, _SMALL, colour=_MUTED)
    return page.figure


def figure_png(figure: "Figure") -> bytes:
    """A figure as a PNG file; the same figure gives the same bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


class _Page:
    """A white figure addressed in inches from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width, height), dpi=DOTS, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.width, self.height = width, height

    def write(
        self,
        text: str,
        left: float,
        down: float,
        size: float,
        *,
        weight: str = "normal",
        colour: str = _INK,
        rotation: float = 0,
    ) -> None:
        """Write a line whose upper edge, or if rotated whose middle, is so far down."""
        self.figure.text(
            left / self.width,
            1 - down / self.height,
            text,
            size=size,
            weight=weight,
            color=colour,
            rotation=rotation,
            va="center" if rotation else "top",
            family=fonts(),
            parse_math=False,
        )

    def show(
        self, picture: np.ndarray, left: float, down: float, width: float, height: float
    ) -> "Axes":
        """Draw a picture into a box, whole, with a hairline round it."""
        box = (left / self.width, 1 - (down + height) / self.height)
        axes = self.figure.add_axes((*box, width / self.width, height / self.height))
        axes.imshow(picture, interpolation="antialiased")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(edgecolor=_LINE, linewidth=0.6)
        return axes


def _draw_row(
    page: _Page,
    row: Sequence[Panel],
    starts: Sequence[float],
    down: float,
    width: float,
    height: float,
) -> None:
    top = down + _CAPTION
    for panel, start in zip(row, starts, strict=False):
        left = _MARGIN + start
        note = text_width(panel.note, _SMALL) if panel.note else 0.0
        page.write(cut(panel.caption, width - note - 0.08 * bool(note), _TEXT), left, down, _TEXT)
        if panel.note:
            page.write(panel.note, left + width - note, down + 0.01, _SMALL, colour=_MUTED)
        page.show(panel.picture, left, top, width, height)
        if panel.bar:
            _draw_bar(page, panel.bar, left + width + _BAR_GAP, top, height)


def _draw_bar(page: _Page, bar: Bar, left: float, down: float, height: float) -> None:
    axes = page.show(bar.draw(), left, down, _BAR_WIDTH, height)
    axes.set_aspect("auto")
    right = left + _BAR_WIDTH + 0.06
    numbers = [numeral(bar.low + share * (bar.high - bar.low)) for share in (1, 0.5, 0)]
    for number, share in zip(numbers, (0.03, 0.5, 0.97), strict=True):
        half = 0.5 * _SMALL / 72
        page.write(number, right, down + share * height - half, _SMALL)
    across = right + max(text_width(number, _SMALL) for number in numbers) + 0.06
    page.write(
        cut(bar.label, height, _SMALL), across, down + height / 2, _SMALL,
        colour=_MUTED, rotation=90,
    )  # fmt: skip


def _panel_size(picture: np.ndarray, side: float) -> tuple[float, float]:
    height, width = picture.shape[:2]
    stretch = sqrt(min(max(width / height, 1 / _MAX_ASPECT), _MAX_ASPECT))
    return side * stretch, side / stretch


def _chunks(panels: Sequence[Panel], columns: int) -> list[Sequence[Panel]]:
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]


def _column_starts(rows: Sequence[Sequence[Panel]], width: float) -> list[float]:
    """Where columns begin, the first at 0: further on where a bar stands between two of a row."""
    starts = [0.0]
    for column in range(max(map(len, rows)) - 1):
        barred = any(row[column].bar for row in rows if len(row) > column + 1)
        starts.append(starts[-1] + width + _BAR_ROOM * barred + _GAP)
    return starts


# Words: the fonts a machine has, how much room a text takes in them, and the line of settings.


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


def settings_line(
    *,
    phrase: str | None = None,
    blocks: Sequence[int] = (),
    timestep: int | None = None,
    seed: int | None = None,
) -> str:
    """The settings given, in one line: “red ball” · blocks 3, 4, 11–13 · timestep 400 · seed 0."""
    parts = []
    if phrase is not None:
        parts.append(f"“{phrase}”" if phrase else "no phrase")
    if blocks:
        parts.append(f"block{'s' * (len(blocks) > 1)} {number_ranges(blocks)}")
    if timestep is not None:
        parts.append(f"timestep {timestep}")
    if seed is not None:
        parts.append(f"seed {seed}")
    return " · ".join(parts)


def number_ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in order, three or more neighbours as a range: 3, 4, 11–13."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)
