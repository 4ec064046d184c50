"""Masks over pictures, maps, and the layers beneath, against Pillow, SciPy and matplotlib."""

import io

import numpy as np
import pytest
from matplotlib import image as matplotlib_image
from PIL import Image
from scipy import ndimage

from ldznet.figures.palette import (
    ALL_AGREE,
    FALSE,
    MISSED,
    PALETTE,
    network_colours,
    phrase_colours,
    rgb,
)
from ldznet.figures.pictures import (
    agreement_layer,
    composite,
    contour_layer,
    draw_colour_bar,
    draw_cutout,
    draw_heat,
    draw_masks,
    draw_overlay,
    empty_layer,
    enlarge,
    error_layer,
    overlay_layer,
    paint,
    rim,
    stripes,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def masks():
    masks = np.zeros((2, 24, 32), bool)
    masks[0, 4:14, 3:15] = True
    masks[1, 8:22, 18:30] = True
    return masks


def test_fill_is_mixed_and_outline_is_solid(image, masks):
    drawn = draw_overlay(image, masks, opacity=0.45)
    for mask, colour in zip(masks, PALETTE, strict=False):
        inside = ndimage.binary_erosion(mask, iterations=2)
        mixed = image[inside] * 0.55 + rgb(colour) * 0.45
        assert np.abs(drawn[inside] - mixed).max() <= 2
        assert (drawn[mask & ~inside] == rgb(colour)).all()
    outside = ~masks.any(axis=0)
    assert np.array_equal(drawn[outside], image[outside])


def test_opacity_zero_leaves_only_the_outline(image, masks):
    layer = overlay_layer(masks, opacity=0)
    assert set(np.unique(layer[..., 3])) == {0, 255}


def test_an_empty_mask_changes_nothing(image):
    empty = np.zeros((1, 24, 32), bool)
    assert np.array_equal(draw_overlay(image, empty), image)
    assert not contour_layer(empty).any()
    assert not draw_masks(empty).any()


def test_a_later_outline_is_never_buried_by_an_earlier_fill(image):
    masks = np.zeros((2, 24, 32), bool)
    masks[0, 5:15, 5:15] = True
    masks[1, 2:22, 2:28] = True  # covers the first one entirely
    drawn = draw_overlay(image, masks, opacity=1.0)
    assert (drawn[5, 5:15] == rgb(PALETTE[0])).all()


def test_masks_have_two_colours_each_and_hard_edges(masks):
    drawn = draw_masks(masks, scale=4)
    assert drawn.shape == (96, 128, 3)
    for mask, colour in zip(masks, PALETTE, strict=False):
        assert (drawn[::4, ::4][mask] == rgb(colour)).all()
    colours = {tuple(map(int, pixel)) for pixel in drawn.reshape(-1, 3)}
    assert len(colours) == 3


def test_contours_leave_the_inside_free(masks):
    layer = contour_layer(masks[:1], ["#CC79A7"])
    inside = ndimage.binary_erosion(masks[0], iterations=3)
    assert not layer[inside].any()
    line = masks[0] & ~ndimage.binary_erosion(masks[0], iterations=2)
    assert (layer[line] == [*rgb("#CC79A7"), 255]).all()
    casing = ndimage.binary_dilation(masks[0]) & ~masks[0]
    assert (layer[casing, :3] == 0).all()
    assert (layer[casing, 3] > 100).all()


def test_a_cutout_is_the_image_with_the_mask_as_alpha(image, masks):
    cutout = draw_cutout(image, masks[0])
    assert np.array_equal(cutout[..., :3], image)
    assert np.array_equal(cutout[..., 3], masks[0] * np.uint8(255))


def test_the_palette_repeats_after_seven():
    assert phrase_colours(9)[7:] == PALETTE[:2]
    assert len(set(PALETTE)) == 7


@pytest.mark.parametrize(
    ("image_shape", "masks", "colours", "problem"),
    [
        ((24, 32, 3), np.zeros((1, 24, 31), bool), None, "differ in size"),
        ((24, 32), np.zeros((1, 24, 32), bool), None, "An image must be uint8"),
        ((24, 32, 3), np.zeros((24, 32), bool), None, "Masks"),
        ((24, 32, 3), np.zeros((1, 24, 32)), None, "Masks must be bool"),
        ((24, 32, 3), np.zeros((2, 24, 32), bool), ["#000000"], "2 masks need as many colours"),
    ],
)
def test_what_does_not_fit_is_refused(image_shape, masks, colours, problem):
    with pytest.raises(ValueError, match=problem):
        draw_overlay(np.zeros(image_shape, np.uint8), masks, colours)


@pytest.fixture
def network_masks():
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


def test_errors_are_missed_false_found_or_neither(network_masks):
    mask, truth = network_masks["znet"], network_masks["ldznet"]
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


def test_agreement_counts_the_networks(network_masks):
    layer = agreement_layer(network_masks)
    votes = np.stack(list(network_masks.values()))
    count = votes.sum(axis=0)
    assert (layer[count == 3, :3] == rgb(ALL_AGREE)).all()
    for name, mask in network_masks.items():
        alone = mask & (count == 1)
        assert (layer[alone] == [*rgb(network_colours()[name]), 255]).all()
    assert len(np.unique(layer[count == 0], axis=0)) == 1


def test_two_that_agree_share_stripes_in_their_colours():
    full, none = np.ones((40, 40), bool), np.zeros((40, 40), bool)
    layer = agreement_layer({"rgbnet": full, "znet": none, "ldznet": full})
    for name in ("rgbnet", "ldznet"):
        share = (layer[..., :3] == rgb(network_colours()[name])).all(axis=-1).mean()
        assert 0.4 < share < 0.6
    assert (layer[..., 3] == 255).all()


def test_two_networks_alone_can_be_compared():
    full = np.ones((10, 10), bool)
    layer = agreement_layer({"znet": full, "ldznet": full})
    assert (layer[..., :3] == rgb(ALL_AGREE)).all()


def test_layers_grow_with_the_scale(network_masks):
    assert error_layer(network_masks["znet"], network_masks["ldznet"], scale=4).shape == (
        120,
        160,
        4,
    )
    assert agreement_layer(network_masks, scale=4).shape == (120, 160, 4)


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((3, 20, 30)) > 0.4


def test_painting_twice_is_pillows_alpha_compositing(noise):
    layer = empty_layer(20, 30)
    expected = Image.new("RGBA", (30, 20))
    coats = (("#E69F00", 0.45), ("#0072B2", 0.6), ("#FFFFFF", 1))
    for mask, (colour, opacity) in zip(noise, coats, strict=True):
        paint(layer, mask, colour, opacity)
        coat = np.zeros((20, 30, 4), np.uint8)
        coat[mask] = (*bytes.fromhex(colour[1:]), round(opacity * 255))
        expected = Image.alpha_composite(expected, Image.fromarray(coat))
    seen = np.array(expected)[..., 3] > 0
    assert np.abs(layer[seen].astype(int) - np.array(expected)[seen]).max() <= 2  # rounding
    assert not layer[~seen, 3].any()


def test_composite_is_pillows(noise):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    layer = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    below = Image.fromarray(image).convert("RGBA")
    expected = np.array(Image.alpha_composite(below, Image.fromarray(layer)))[..., :3]
    assert np.abs(composite(image, layer).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_rim_is_what_erosion_takes(noise, width):
    large = enlarge(noise[0], 5)
    inside = ndimage.binary_erosion(large, iterations=width, border_value=1)
    assert np.array_equal(rim(large, width), large & ~inside)


def test_the_border_of_the_picture_is_no_rim():
    assert not rim(np.ones((8, 9), bool)).any()


def test_enlarging_keeps_edges_hard(noise):
    expected = [Image.fromarray(mask).resize((90, 60), Image.Resampling.NEAREST) for mask in noise]
    assert np.array_equal(enlarge(noise, 3), np.stack([np.array(image) for image in expected]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_stripes_share_the_picture_evenly(count):
    shares = np.bincount(stripes((100, 100), count).ravel()) / 10_000
    assert len(shares) == count
    assert np.abs(shares - 1 / count).max() < 0.1


def test_rising_and_falling_stripes_differ():
    rising, falling = stripes((40, 40), 2), stripes((40, 40), 2, rising=False)
    assert np.array_equal(rising, rising.T)  # along the falling diagonal's mirror
    assert not np.array_equal(rising, falling)
    assert np.array_equal(falling[1:, 1:], falling[:-1, :-1])
