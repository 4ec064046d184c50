"""The heat map as shown: matplotlib's magma, enlarged by squares, over a bar of its range."""

import numpy as np
import pytest
from matplotlib import colormaps

from ldznet.figures import draw_heat


@pytest.fixture
def probability():
    return np.random.default_rng(0).random((16, 20)).astype(np.float32)


def magma(values):
    return colormaps["magma"](values.astype(float))[..., :3] * 255


def test_every_pixel_becomes_a_square_of_its_magma_colour(probability):
    figure = draw_heat(probability, side=80)
    expected = magma(np.kron(probability, np.ones((4, 4))))
    assert np.abs(figure[:64] - expected).max() <= 4  # one of 256 levels
    assert figure.shape[0] > 64
    assert figure.shape[1] == 80


def test_the_range_is_fixed(probability):
    flat = np.full((16, 20), 0.25)
    assert np.abs(draw_heat(flat) - magma(flat)).max() <= 4
    np.testing.assert_array_equal(
        draw_heat(probability / 2, side=80)[64:], draw_heat(probability, side=80)[64:]
    )


def test_the_bar_runs_over_all_of_magma(probability):
    strip = draw_heat(probability, side=320)[256:].astype(float)
    expected = magma(np.linspace(0, 1, 320))
    assert min(np.abs(row - expected).max() for row in strip) <= 4


def test_over_a_picture_the_picture_shows_without_its_colours(probability):
    red, black = np.zeros((2, 16, 20, 3), np.uint8)
    red[..., 0] = 255
    bright = draw_heat(probability, image=red).astype(int)
    dark = draw_heat(probability, image=black).astype(int)
    share = bright - dark
    assert share.min() > 10
    assert np.ptp(share, axis=-1).max() <= 1


def test_what_is_no_probability_map_is_refused(probability):
    for bad in (probability * 2, probability - 0.5, probability * np.nan, probability[None]):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            draw_heat(bad)
    with pytest.raises(ValueError, match="differ in size"):
        draw_heat(probability, image=np.zeros((16, 21, 3), np.uint8))
