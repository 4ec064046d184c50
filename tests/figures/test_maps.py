"""Maps against matplotlib's colours and plain set arithmetic."""

import io

import numpy as np
import pytest
from matplotlib import image as matplotlib_image

from ldznet.figures.maps import agreement_layer, draw_colour_bar, draw_heat, error_layer
from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, NETWORK_COLOURS, rgb


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    return {name: rng.random((30, 40)) > 0.5 for name in ("rgbnet", "znet", "ldznet")}


def test_heat_is_matplotlibs_magma_over_zero_to_one():
    probability = np.random.default_rng(0).random((9, 11)).astype(np.float32)
    file = io.BytesIO()
    matplotlib_image.imsave(file, probability, cmap="magma", vmin=0, vmax=1, format="png")
    file.seek(0)
    expected = matplotlib_image.imread(file)[..., :3] * 255
    assert np.abs(draw_heat(probability) - expected).max() <= 3  # 256 levels, rounded or floored


def test_the_colour_bar_runs_from_zero_to_one_ever_brighter():
    bar = draw_colour_bar(101, height=4)
    assert bar.shape == (4, 101, 3)
    assert np.array_equal(bar[0], draw_heat(np.linspace(0, 1, 101)[None])[0])
    brightness = bar[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -1).all()
    assert brightness[-1] - brightness[0] > 200


def test_errors_are_missed_false_found_or_neither(masks):
    mask, truth = masks["znet"], masks["ldznet"]
    layer = error_layer(mask, truth)
    assert (layer[truth & ~mask, :3] == rgb(MISSED)).all()
    assert (layer[mask & ~truth, :3] == rgb(FALSE)).all()
    assert not layer[mask & truth].any()
    assert len(np.unique(layer[~mask & ~truth], axis=0)) == 1


def test_errors_are_told_apart_without_colour():
    mask, truth = np.zeros((2, 60, 120), bool)
    truth[:, :60], mask[:, 60:] = True, True
    strokes = error_layer(mask, truth)[..., 3] == 255
    missed, false = strokes[5:55, 5:55], strokes[5:55, 65:115]
    assert 0.2 < missed.mean() < 0.6
    assert np.array_equal(missed[1:, :-1], missed[:-1, 1:])  # rising
    assert np.array_equal(false[1:, 1:], false[:-1, :-1])  # falling


def test_agreement_counts_the_networks(masks):
    layer = agreement_layer(masks)
    votes = np.stack(list(masks.values()))
    count = votes.sum(axis=0)
    assert (layer[count == 3, :3] == rgb(ALL_AGREE)).all()
    for name, mask in masks.items():
        alone = mask & (count == 1)
        assert (layer[alone] == [*rgb(NETWORK_COLOURS[name]), 255]).all()
    assert len(np.unique(layer[count == 0], axis=0)) == 1


def test_two_that_agree_share_stripes_in_their_colours():
    full, none = np.ones((40, 40), bool), np.zeros((40, 40), bool)
    layer = agreement_layer({"rgbnet": full, "znet": none, "ldznet": full})
    for name in ("rgbnet", "ldznet"):
        share = (layer[..., :3] == rgb(NETWORK_COLOURS[name])).all(axis=-1).mean()
        assert 0.4 < share < 0.6
    assert (layer[..., 3] == 255).all()


def test_two_networks_alone_can_be_compared():
    full = np.ones((10, 10), bool)
    layer = agreement_layer({"znet": full, "ldznet": full})
    assert (layer[..., :3] == rgb(ALL_AGREE)).all()


def test_layers_grow_with_the_scale(masks):
    assert error_layer(masks["znet"], masks["ldznet"], scale=4).shape == (120, 160, 4)
    assert agreement_layer(masks, scale=4).shape == (120, 160, 4)
