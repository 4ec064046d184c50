"""Overlays, contours and masks at display size, and at the picture's own."""

import numpy as np
import pytest

from ldznet.figures import (
    PHRASE_COLOURS,
    cut_out,
    draw_contours,
    draw_masks,
    draw_overlay,
    enlarge_image,
    rgb,
)

COLOUR = np.array(tuple(rgb(PHRASE_COLOURS[0])))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def masks():
    masks = np.zeros((1, 24, 32), bool)
    masks[0, 5:15, 6:20] = True
    return masks


def test_fill_is_mixed_with_the_smooth_picture_inside_a_two_pixel_outline(image, masks):
    figure = draw_overlay(image, masks, opacity=0.45, side=128)
    assert figure.shape == (96, 128, 3)
    inside = np.s_[22:58, 26:78]  # the square 20:60, 24:80 without two pixels all round
    expected = 0.55 * enlarge_image(image, 128)[inside] + 0.45 * COLOUR
    assert np.abs(figure[inside] - expected).max() <= 1
    outline = np.zeros((96, 128), bool)
    outline[20:60, 24:80] = True
    outline[inside] = False
    assert (figure[outline] == COLOUR).all()


def test_what_is_not_selected_keeps_its_pixels(image, masks):
    np.testing.assert_array_equal(draw_overlay(image, masks)[~masks[0]], image[~masks[0]])
    large = draw_overlay(image, masks, side=128)
    outside = ~np.kron(masks[0], np.ones((4, 4), bool))
    np.testing.assert_array_equal(large[outside], enlarge_image(image, 128)[outside])
    np.testing.assert_array_equal(draw_overlay(image, masks[:0]), image)


def test_a_contour_touches_only_its_line_and_a_thin_halo(image, masks):
    figure, picture = draw_contours(image, masks, side=128), enlarge_image(image, 128)
    assert (figure[20:22, 24:80] == COLOUR).all()
    halo = figure[19, 24:80].astype(int)
    assert (halo <= picture[19, 24:80] * 0.4 + 1).all()  # darkened
    np.testing.assert_array_equal(figure[23:57, 27:77], picture[23:57, 27:77])
    np.testing.assert_array_equal(figure[:19], picture[:19])


def test_masks_are_crisp_flat_colours(masks):
    figure = draw_masks(masks, ["#56B4E9"], side=128)
    inside = np.kron(masks[0], np.ones((4, 4), bool))
    assert (figure[inside] == (0x56, 0xB4, 0xE9)).all()
    assert figure[~inside].max() < 30


def test_a_cut_out_is_opaque_where_the_mask_is(image, masks):
    figure = cut_out(image, masks[0])
    np.testing.assert_array_equal(figure[..., 3], masks[0] * np.uint8(255))
    np.testing.assert_array_equal(figure[masks[0], :3], image[masks[0]])


def test_what_does_not_fit_is_refused(image, masks):
    with pytest.raises(ValueError, match="differ in size"):
        draw_overlay(image[:-1], masks, side=64)
    with pytest.raises(ValueError, match="differ in size"):
        draw_contours(image, masks[:, 1:], side=64)
    with pytest.raises(ValueError, match="as many colours"):
        draw_masks(masks, ["#000000", "#FFFFFF"], side=64)
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw_overlay(image, masks, opacity=1.5)
    with pytest.raises(ValueError, match="differ in size"):
        cut_out(image, masks[0].T)
