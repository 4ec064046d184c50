"""Layers against Pillow's compositing and SciPy's erosion."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from ldznet.figures.layers import composite, empty_layer, enlarge, paint, rim, stripes


@pytest.fixture
def masks():
    return np.random.default_rng(0).random((3, 20, 30)) > 0.4


def test_painting_twice_is_pillows_alpha_compositing(masks):
    layer = empty_layer(20, 30)
    expected = Image.new("RGBA", (30, 20))
    coats = (("#E69F00", 0.45), ("#0072B2", 0.6), ("#FFFFFF", 1))
    for mask, (colour, opacity) in zip(masks, coats, strict=True):
        paint(layer, mask, colour, opacity)
        coat = np.zeros((20, 30, 4), np.uint8)
        coat[mask] = (*bytes.fromhex(colour[1:]), round(opacity * 255))
        expected = Image.alpha_composite(expected, Image.fromarray(coat))
    seen = np.array(expected)[..., 3] > 0
    assert np.abs(layer[seen].astype(int) - np.array(expected)[seen]).max() <= 2  # rounding
    assert not layer[~seen, 3].any()


def test_composite_is_pillows(masks):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    layer = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    below = Image.fromarray(image).convert("RGBA")
    expected = np.array(Image.alpha_composite(below, Image.fromarray(layer)))[..., :3]
    assert np.abs(composite(image, layer).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_rim_is_what_erosion_takes(masks, width):
    large = enlarge(masks[0], 5)
    inside = ndimage.binary_erosion(large, iterations=width, border_value=1)
    assert np.array_equal(rim(large, width), large & ~inside)


def test_the_border_of_the_picture_is_no_rim():
    assert not rim(np.ones((8, 9), bool)).any()


def test_enlarging_keeps_edges_hard(masks):
    expected = [Image.fromarray(mask).resize((90, 60), Image.Resampling.NEAREST) for mask in masks]
    assert np.array_equal(enlarge(masks, 3), np.stack([np.array(image) for image in expected]))


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
