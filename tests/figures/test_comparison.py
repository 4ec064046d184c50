"""Errors and agreement on hand-made squares."""

import numpy as np
import pytest

from ldznet.figures import (
    ERROR_COLOURS,
    NETWORK_COLOURS,
    agreement_legend,
    draw_agreement,
    draw_errors,
    rgb,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)


@pytest.fixture
def bands():
    """Left, middle and right third of the picture's middle rows."""
    bands = np.zeros((3, 40, 64), bool)
    for number in range(3):
        bands[number, 8:32, 2 + 20 * number : 22 + 20 * number] = True
    return bands


def strokes(figure, colour):
    return (figure == tuple(rgb(colour))).all(axis=-1)


def test_missed_and_false_differ_in_hue_and_in_the_direction_of_their_strokes(image, bands):
    missed, found, false = bands
    figure = draw_errors(image, found | false, found | missed)
    for kind, area, step in (("missed", missed, -1), ("false", false, 1)):
        solid = strokes(figure, ERROR_COLOURS[kind])
        assert not solid[~area].any()
        inner = np.s_[12:28, :]
        columns = np.flatnonzero(area[20])[4:-4]
        here, below = solid[inner][:, columns], solid[13:29][:, columns + step]
        assert here.any()
        assert not here.all()
        np.testing.assert_array_equal(here, below)  # one row down, one column along the stroke
        other = solid[13:29][:, columns - step]
        assert (here != other).any()


def test_the_picture_loses_its_colours_and_found_pixels_are_tinted(image, bands):
    figure = draw_errors(image, bands[1], bands[1]).astype(int)
    # The shade that dims the rest is a dark navy: it leaves 0.55 x (25 - 11) levels of a cast.
    assert np.ptp(figure[~bands[1]], axis=-1).max() <= 8
    red, green, _ = np.moveaxis(figure[bands[1]], -1, 0)
    assert (green > red).all()


def test_agreement_shows_who_is_alone_and_where_all_agree(image, bands):
    alone = dict(zip(NETWORK_COLOURS, bands, strict=True))
    figure = draw_agreement(image, alone)
    for name, area in alone.items():
        assert (figure[area] == tuple(rgb(NETWORK_COLOURS[name]))).all()
    agreed = draw_agreement(image, dict.fromkeys(NETWORK_COLOURS, bands[0]), side=128)
    area = np.kron(bands[0], np.ones((2, 2), bool))
    assert agreed.shape == (80, 128, 3)
    assert agreed[area].min() > 200
    assert agreed[~area].max() < 200


def test_where_two_of_three_agree_both_their_colours_show_and_the_third_does_not(image, bands):
    figure = draw_agreement(image, {"rgbnet": bands[0], "znet": bands[1], "ldznet": bands[1]})
    seen = {name: strokes(figure, colour)[bands[1]] for name, colour in NETWORK_COLOURS.items()}
    assert seen["znet"].any()
    assert seen["ldznet"].any()
    assert not seen["rgbnet"].any()
    assert (seen["znet"] | seen["ldznet"]).all()


def test_the_legend_names_the_colours_in_the_order_of_the_networks():
    legend = agreement_legend(["znet", "ldznet"])
    assert [label for _, label in legend] == ["all agree", "only ZNet", "only LD-ZNet"]
    assert [colour for colour, _ in legend[1:]] == ["#0EA5E9", "#7C3AED"]
    assert len(agreement_legend(NETWORK_COLOURS)) == 4


def test_what_does_not_fit_is_refused(image, bands):
    with pytest.raises(ValueError, match="its image's size"):
        draw_errors(image, bands[0][1:], bands[0])
    with pytest.raises(ValueError, match="its image's size"):
        draw_agreement(image, {"znet": bands[0], "ldznet": bands[1].T})
    with pytest.raises(ValueError, match="no network 'other'"):
        draw_agreement(image, {"other": bands[0]})
    with pytest.raises(ValueError, match="at least one"):
        agreement_legend([])
