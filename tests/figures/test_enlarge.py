"""Enlargement against Pillow, NumPy's Kronecker product and arithmetic."""

import numpy as np
import pytest
from PIL import Image

from ldznet.figures import enlarge_image, enlarge_mask, whole_factor


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("side", "factor"), [(1, 1), (32, 1), (33, 2), (64, 2), (65, 3), (512, 16)]
)
def test_the_factor_is_the_smallest_whole_one(side, factor):
    assert whole_factor((24, 32), side) == whole_factor((32, 24, 3), side) == factor


def test_a_picture_is_enlarged_as_pillow_does_and_its_mask_by_squares(image):
    expected = Image.fromarray(image).resize((96, 72), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(enlarge_image(image, 70), np.array(expected))
    mask = image[..., 0] > 99
    np.testing.assert_array_equal(enlarge_mask(mask, 3), np.kron(mask, np.ones((3, 3), bool)))


def test_a_picture_large_enough_keeps_its_pixels(image):
    np.testing.assert_array_equal(enlarge_image(image, 32), image)


def test_what_cannot_be_enlarged_is_refused(image):
    with pytest.raises(ValueError, match="image must be uint8"):
        enlarge_image(image / 255, 64)
    with pytest.raises(ValueError, match="mask must be bool"):
        enlarge_mask(image[..., 0], 2)
    with pytest.raises(ValueError, match="at least 1"):
        enlarge_mask(image[..., 0] > 9, 0)
    with pytest.raises(ValueError, match="side in pixels"):
        whole_factor((0, 4), 64)
