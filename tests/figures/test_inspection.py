"""Views of the inside, drawn: attention, features, the latent, the lesson."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from ldznet.figures.inspection import (
    draw_attention,
    draw_channel,
    draw_channels,
    draw_difference,
    draw_features,
    draw_point_map,
    features_figure,
    latent_figure,
    lesson_figure,
    mark_point,
    point_figure,
    point_high,
    reach,
    text_change_figure,
    words_figure,
)

SETTINGS = {"phrase": "red ball", "blocks": (3, 4), "timestep": 400, "seed": 7}


def magma(share):
    return np.array(colormaps["magma"](share)[:3]) * 255


def texts(figure):
    return [text.get_text() for text in figure.texts]


def test_the_maximum_has_the_last_colour_whatever_the_picture(picture):
    drawn = draw_attention(picture, np.full((3, 5), 0.2, np.float32))
    assert drawn.shape == picture.shape
    assert np.abs(drawn - magma(1.0)).max() <= 1


def test_without_attention_the_picture_is_grey_and_dimmed(picture):
    drawn = draw_attention(picture, np.zeros((3, 5), np.float32))
    grey = np.array(Image.fromarray(picture).convert("L"))
    assert np.abs(drawn.mean(axis=-1) - grey / 2).max() <= 2
    assert np.ptp(drawn.astype(int), axis=-1).max() <= 2  # nearly no hue


def test_a_common_range_leaves_a_weak_map_dark(picture):
    weak = np.full((3, 5), 0.1, np.float32)
    assert draw_attention(picture, weak, high=1.0).mean() < draw_attention(picture, weak).mean() / 2


def test_a_bright_cell_lies_where_it_is_in_the_map():
    black = np.zeros((32, 64, 3), np.uint8)
    attention = np.zeros((4, 8), np.float32)
    attention[1, 6] = 1
    light = draw_attention(black, attention, scale=3).sum(axis=-1)
    row, column = np.unravel_index(light.argmax(), light.shape)
    assert light.shape == (96, 192)
    assert (row // 24, column // 24) == (1, 6)
    assert light[:, : 4 * 24].max() < 10  # and what is far from it stays dark


def test_a_points_map_keeps_its_cells_crisp_and_marks_the_point():
    image = np.full((32, 64, 3), 100, np.uint8)
    attention = np.random.default_rng(0).random((4, 8)).astype(np.float32)
    attention /= attention.sum()
    drawn = draw_point_map(image, attention, 20, 10, scale=4)
    cells = drawn.reshape(4, 32, 8, 32, 3).swapaxes(1, 2)  # (4, 8, 32, 32, 3)
    same = (cells == cells[:, :, :1, :1]).all(axis=(2, 3, 4))
    assert np.argwhere(~same).tolist() == [[1, 2]]  # only where the ring is


def test_even_attention_has_a_middling_colour_and_sharp_attention_the_last():
    even, sharp = np.full((4, 4), 1 / 16), np.eye(4) / 4
    assert point_high(even) == pytest.approx(2 / 16)
    assert point_high(sharp) == pytest.approx(1 / 4)


def test_a_ring_surrounds_its_point_and_leaves_the_rest():
    grey = np.full((120, 160, 3), 100, np.uint8)
    marked = mark_point(grey, 25, 10, scale=4)  # its middle: (102, 42)
    rows, columns = np.nonzero((marked != grey).any(axis=-1))
    assert np.hypot(columns + 0.5 - 102, rows + 0.5 - 42).max() < 12
    assert (rows.mean(), columns.mean()) == pytest.approx((41.5, 101.5))
    assert (marked[42, 102] == 100).all()
    assert (marked == 255).all(axis=-1).any()
    assert (marked == 0).all(axis=-1).any()
    assert (grey == 100).all()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (39, 0), (39, 29)])
def test_a_ring_may_be_cut_by_the_border(x, y):
    assert (mark_point(np.zeros((30, 40, 3), np.uint8), x, y) == 255).any()


def test_every_word_has_a_panel_with_its_maximum(picture):
    words = ("⟨start⟩", "red", "ball", "⟨end⟩")
    maps = np.stack([np.full((3, 5), level, np.float32) for level in (0.5, 0.03, 0.04, 0.02)])
    figure = words_figure(picture, words, maps, (True, False, False, True), **SETTINGS)
    said = texts(figure)
    assert "“red ball” · blocks 3, 4 · timestep 400 · seed 7" in said
    assert [word for word in said if word in words] == ["red", "ball", "⟨start⟩", "⟨end⟩"]
    assert {"max 0.5", "max 0.03", "max 0.04", "max 0.02", "share of the maximum"} <= set(said)
    pictures = [axes.images[0].get_array() for axes in figure.axes]
    assert [(each[9, 9] == pictures[0][9, 9]).all() for each in pictures[:2]] == [True, True]


def test_words_on_a_common_range_differ_and_start_and_end_have_their_own(picture):
    maps = np.stack([np.full((3, 5), level, np.float32) for level in (0.5, 0.02, 0.04)])
    words, special = ("⟨start⟩", "red", "ball"), (True, False, False)
    figure = words_figure(picture, words, maps, special, common=True, **SETTINGS)
    assert {"0.04", "0.5", "attention"} <= set(texts(figure))
    shown = [axes.images[0].get_array()[9, 0] for axes in figure.axes]
    red, ball, start = shown[0], shown[1], shown[3]  # the third is the words' bar
    assert (red != ball).any()
    assert np.abs(ball - magma(1.0)).max() <= 1
    assert np.abs(start - magma(1.0)).max() <= 1


def test_a_phrase_without_words_is_drawn_too(picture):
    maps = np.ones((2, 3, 5), np.float32)
    figure = words_figure(picture, ("⟨start⟩", "⟨end⟩"), maps, (True, True), **SETTINGS)
    assert len(figure.axes) == 3


def test_a_point_is_shown_beside_its_maps(picture):
    maps = {"self-attention": np.eye(4) / 4, "LD-ZNet reads": np.full((2, 2), 0.25)}
    figure = point_figure(picture, 12, 7, maps, footnote="A remark.", **SETTINGS)
    said = texts(figure)
    assert said[0] == "Where the point (12, 7) looks"
    assert {"picture", *maps, "0.25", "0.5", "A remark."} <= set(said)


def test_every_cell_is_a_block_of_its_colour():
    colours = np.random.default_rng(0).random((2, 3, 3)).astype(np.float32)
    drawn = draw_features(colours, 10, 15)
    expected = np.kron(np.round(colours * 255), np.ones((5, 5, 1)))
    assert np.array_equal(drawn, expected)


@pytest.mark.parametrize("size", [(7, 10), (100, 33)])
def test_cells_that_do_not_divide_the_size_still_cover_it(size):
    colours = np.linspace(0, 1, 18).reshape(2, 3, 3)
    drawn = draw_features(colours, *size)
    assert drawn.shape == (*size, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 6
    for corner, cell in (((0, 0), (0, 0)), ((-1, -1), (1, 2))):
        assert np.array_equal(drawn[corner], np.round(colours[cell] * 255))


def test_a_strip_shows_the_picture_and_every_panel_with_its_grid(picture):
    colours = [np.full((6, 10, 3), 0.2), np.full((3, 5, 3), 0.8)]
    figure = features_figure(
        picture, "Over blocks", ["block 1", "block 3"], colours, (0.5, 0.25, 0.125),
        phrase="ball", timestep=400, seed=0,
    )  # fmt: skip
    said = [text.get_text() for text in figure.texts]
    assert said[:2] == ["Over blocks", "“ball” · timestep 400 · seed 0"]
    assert said[2:7] == ["picture", "block 1", "10 × 6", "block 3", "5 × 3"]
    assert "50 %, 25 %, 12 %" in " ".join(said[7:])
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [np.unique(each).tolist() for each in shown[1:]] == [[51], [204]]
    assert len({each.shape for each in shown}) == 1


def test_zero_is_neutral_and_the_extent_ends_the_colours():
    drawn = draw_channel(np.array([[-2.0, 0.0, 2.0]]), 2.0, 4, 12).astype(int)
    low, zero, high = drawn[0, [1, 5, 9]]
    assert np.ptp(zero) == 0
    assert zero[0] > 240
    assert np.abs(low - np.array(colormaps["RdBu_r"](0.0)[:3]) * 255).max() <= 1
    assert np.abs(high - np.array(colormaps["RdBu_r"](1.0)[:3]) * 255).max() <= 1


def test_four_channels_stand_two_above_two():
    levels = np.array([-1.0, -0.3, 0.3, 1.0])
    latents = np.broadcast_to(levels[:, None, None], (4, 3, 5))
    drawn = draw_channels(latents, 1.0, 60, 100)
    alone = [draw_channel(channel, 1.0, 30, 50)[0, 0] for channel in latents]
    for place, (row, column) in enumerate([(5, 5), (5, 95), (55, 5), (55, 95)]):
        assert np.array_equal(drawn[row, column], alone[place])


def test_reach_is_the_largest_magnitude_and_can_be_divided_by():
    assert reach(np.array([1.0, -3.0]), np.array([2.0])) == 3
    assert reach(np.zeros(4)) == 1


def test_no_difference_is_black():
    assert draw_difference(np.zeros((5, 6))).max() <= 4
    drawn = draw_difference(np.array([[0.0, 0.1]]))
    assert drawn[0, 1].sum() > 600


@pytest.mark.parametrize(("psnr", "said"), [(25.94, "PSNR 25.9 dB"), (float("inf"), "PSNR ∞ dB")])
def test_the_latents_figure_has_channels_reconstruction_and_difference(picture, psnr, said):
    channels = np.random.default_rng(0).normal(size=(4, 6, 10))
    difference = np.zeros((48, 80), np.float32)
    figure = latent_figure(picture, channels, picture, difference, psnr)
    texts = [text.get_text() for text in figure.texts]
    assert {f"channel {number}" for number in (1, 2, 3, 4)} <= set(texts)
    assert {"picture", "reconstruction", "difference", said} <= set(texts)
    assert "four channels of 10 × 6 cells for 80 × 48 pixels" in texts


def test_the_change_by_text_tells_its_range(picture):
    change = np.linspace(0, 0.25, 60).reshape(6, 10)
    figure = text_change_figure(picture, change, phrase="ball", timestep=100, seed=2)
    texts = [text.get_text() for text in figure.texts]
    assert {"“ball” · timestep 100 · seed 2", "0.25", "0", "norm of the difference"} <= set(texts)


def test_the_six_steps_stand_in_order(picture):
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 80), bool)
    mask[8:40, 16:64] = True
    figure = lesson_figure(
        picture, rng.normal(size=(4, 6, 10)), rng.normal(size=(4, 6, 10)) * 2,
        np.full((3, 5, 3), 0.4), np.full((3, 5), 1 / 15), (40, 24), mask,
        phrase="ball", block=9, timestep=400, seed=0,
    )  # fmt: skip
    texts = [text.get_text() for text in figure.texts]
    steps = [text for text in texts if text[0] in "123456" and text[1:3] == "  "]
    names = ["picture", "latent", "latent with noise", "features", "fusion", "mask"]
    assert steps == [f"{number}  {name}" for number, name in enumerate(names, start=1)]
    shown = [axes.images[0].get_array() for axes in figure.axes]
    pictures = [each for each in shown if each.shape == shown[0].shape]
    assert len(pictures) == 6
    assert (pictures[3] == 102).all()
    changed = (pictures[5] != pictures[0]).any(axis=-1)
    scale = changed.shape[0] // 48
    assert np.array_equal(changed[::scale, ::scale], mask)
