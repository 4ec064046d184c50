"""Sheets as they are drawn: panels, words, bars, files."""

import io
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ldznet.figures.sheet import (
    DOTS,
    Bar,
    Panel,
    Section,
    build_sheet,
    cut,
    figure_png,
    fonts,
    number_ranges,
    numeral,
    settings_line,
    share_bar,
    text_width,
    wrap,
)


def build(count, shape=(40, 40), columns=6, caption="a word", **options):
    picture = np.full((*shape, 3), 90, np.uint8)
    panels = [Panel(picture, f"{caption} {number}", "max 0.123") for number in range(count)]
    panels = share_bar(panels, Bar(0.123, "attention"), columns)
    sections = [Section(panels), Section(panels[:2], "Another heading")]
    options = {"title": "A title", "subtitle": "“words” · seed 0", "footnote": "Said. "} | options
    return build_sheet(sections=sections, columns=columns, side=1.7, **options)


def panels_of(figure):
    """The boxes of the pictures in inches; bars, which are slim, left out."""
    boxes = [
        axes.get_position().bounds * np.tile(figure.get_size_inches(), 2) for axes in figure.axes
    ]
    return np.array([box for box in boxes if box[2] > 0.5])


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (40, 40)), (6, (90, 30)), (7, (30, 90)), (30, (48, 80))]
)
def test_panels_are_equal_apart_and_of_the_pictures_shape(count, shape):
    boxes = panels_of(build(count, shape))
    assert len(boxes) == count + min(count, 2)
    assert np.allclose(boxes[:, 2:], boxes[0, 2:])
    assert boxes[0, 2] / boxes[0, 3] == pytest.approx(shape[1] / shape[0])
    assert boxes[0, 2] * boxes[0, 3] == pytest.approx(1.7**2)
    for one, other in itertools.combinations(boxes, 2):
        assert (np.abs(one[:2] - other[:2]) > one[2:]).any()


def test_a_bar_in_a_row_moves_the_column_of_every_row():
    picture = np.zeros((20, 20, 3), np.uint8)
    bare, barred = Panel(picture, "bare"), Panel(picture, "barred", bar=Bar(1, "heat"))
    panels = [bare, bare, bare, barred, bare, bare]
    boxes = panels_of(build_sheet("Title", "", [Section(panels)], columns=3, side=2))
    assert np.allclose(boxes[:3, 0], boxes[3:, 0])
    assert boxes[1, 0] - boxes[0, 0] > boxes[2, 0] - boxes[1, 0] + 0.5


LONG = "an extraordinarily long phrase " * 20


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (1, {}),
        (30, {}),
        (5, {"title": LONG, "subtitle": LONG, "footnote": LONG, "caption": LONG}),
        (2, {"title": "x" * 300, "subtitle": "x" * 300, "caption": "x" * 300}),
    ],
)
def test_words_neither_collide_nor_leave_the_page(count, options):
    figure = build(count, **options)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.texts]
    page = figure.bbox
    for box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1
        assert page.y0 <= box.y0 < box.y1 <= page.y1
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    pictures = [axes.get_window_extent(renderer) for axes in figure.axes]
    for box, picture in itertools.product(boxes, pictures):
        assert not box.overlaps(picture)


def test_the_page_is_white_and_shows_the_pictures_colours():
    page = np.array(Image.open(io.BytesIO(figure_png(build(3)))))[..., :3]
    rim = np.concatenate([page[:20].reshape(-1, 3), page[:, :20].reshape(-1, 3)])
    assert (rim == 255).all()
    assert (page == 90).all(axis=-1).mean() > 0.3


def test_equal_figures_are_equal_files_also_from_several_threads():
    expected = figure_png(build(2))
    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(lambda _: figure_png(build(2)), range(3)))
    assert files == [expected] * 3


@pytest.mark.parametrize("words", [r"$\frac{1}$", "$5 and $6", "100 %", "\\", "мяч", "^_{"])
def test_no_words_are_taken_for_a_formula(words):
    figure = build(1, title=words, subtitle=words, footnote=words, caption=words)
    assert len(figure_png(figure)) > 1000
    assert words in figure.texts[0].get_text()


@pytest.mark.parametrize(("signed", "numbers"), [(False, "0.5 0.25 0"), (True, "0.5 0 −0.5")])
def test_a_bar_tells_its_range_and_its_colours(signed, numbers):
    bar = Bar(0.5, "heat", signed)
    panel = Panel(np.zeros((20, 20, 3), np.uint8), "caption", bar=bar)
    figure = build_sheet("Title", "", [Section([panel])], columns=1, side=2)
    said = [text.get_text() for text in figure.texts]
    assert " ".join(said[2:5]) == numbers
    assert "heat" in said
    colours = bar.draw()[:, 0].astype(int)
    assert len(np.unique(colours, axis=0)) > 200
    assert (colours[0] != colours[-1]).any()


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


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((7,), "7"),
        ((3, 4, 11, 12, 13), "3, 4, 11–13"),
        ((13, 3, 12, 3, 11), "3, 11–13"),
        (range(1, 17), "1–16"),
    ],
)
def test_neighbours_become_ranges(numbers, text):
    assert number_ranges(tuple(numbers)) == text


def test_only_what_is_given_is_said():
    assert settings_line(seed=0) == "seed 0"
    assert settings_line(phrase="red ball", blocks=(9,), timestep=0, seed=3) == (
        "“red ball” · block 9 · timestep 0 · seed 3"
    )
    assert settings_line(blocks=(1, 2)) == "blocks 1, 2"
