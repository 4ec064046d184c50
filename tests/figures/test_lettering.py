"""Widths against those that matplotlib's own text has on a figure."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ldznet.figures.lettering import DOTS, cut, fonts, numeral, text_width, wrap


@pytest.mark.parametrize("text", ["umbrella", "i", "a red ball, left of the blue car", "мяч"])
def test_a_text_is_as_wide_as_it_is_drawn(text):
    figure = Figure(dpi=DOTS)
    drawn = figure.text(0, 0, text, size=11, family=fonts())
    box = drawn.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    assert text_width(text, 11) == pytest.approx(box.width / DOTS, abs=0.02)


def test_a_text_that_fits_is_left_alone_and_another_is_cut_as_late_as_can_be():
    text = "a big yellow umbrella"
    width = text_width(text, 11)
    assert cut(text, width, 11) == text
    shorter = cut(text, width * 0.8, 11)
    assert text.startswith(shorter.removesuffix("…"))
    assert width * 0.65 < text_width(shorter, 11) <= width * 0.8


def test_lines_hold_all_words_in_order_and_fit():
    text = "one two three four five six seven eight nine ten " * 3
    lines = wrap(text, 1.5, 11)
    assert " ".join(lines).split() == text.split()
    assert all(text_width(line, 11) <= 1.5 for line in lines)
    following = [line.split()[0] for line in lines[1:]]
    for line, word in zip(lines, following, strict=False):
        assert text_width(f"{line} {word}", 11) > 1.5  # no line is broken too early
    assert wrap("", 1.5, 11) == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (0.0312345, "0.0312"), (-2.5, "−2.5"), (1e-6, "0.000001"), (128, "128")],
)
def test_numerals_are_short_and_plain(value, text):
    assert numeral(value) == text
