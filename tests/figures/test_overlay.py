"""Overlays, masks, contours and cut-outs against the arithmetic they promise."""

import numpy as np
import pytest
from scipy import ndimage

from ldznet.figures.overlay import (
    contour_layer,
    draw_cutout,
    draw_masks,
    draw_overlay,
    overlay_layer,
)
from ldznet.figures.palette import PALETTE, phrase_colours, rgb


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
