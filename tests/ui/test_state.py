"""What a session keeps reads exactly as the probabilities it came from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldznet.types import Segmentation
from ldznet.ui.state import (
    EXAMPLE_LEVELS,
    SESSION_LEVELS,
    Picture,
    Settings,
    compare_found,
    pack,
    unpack,
)

LEVELS = pytest.mark.parametrize("levels", [EXAMPLE_LEVELS, SESSION_LEVELS])


def nasty_probabilities():
    """Random ones, every threshold itself, and its neighbours in float32."""
    steps = np.arange(101, dtype=np.float32) / np.float32(100)
    near = [np.nextafter(steps, np.float32(side)) for side in (0, 1)]
    random = np.random.default_rng(0).random(50_000, dtype=np.float32)
    return np.concatenate([random, random**8, steps, *near])


@LEVELS
def test_every_threshold_reads_the_same_mask(levels):
    probability = nasty_probabilities()
    kept = unpack(pack(probability, levels), levels)
    for hundredths in range(101):
        threshold = hundredths / 100
        assert np.array_equal(kept > threshold, probability > threshold), threshold


@LEVELS
@given(value=st.floats(0, 1, width=32))
def test_values_are_kept_to_half_a_step(levels, value):
    kept = unpack(pack(np.array([value], np.float32), levels), levels)[0]
    assert abs(float(kept) - value) <= 0.5 / levels + 1e-7  # and float32's own rounding
    assert 0 <= kept <= 1


@LEVELS
def test_packing_what_was_unpacked_changes_nothing(levels):
    packed = pack(nasty_probabilities(), levels)
    assert np.array_equal(pack(unpack(packed, levels), levels), packed)
    assert packed.dtype == (np.uint8 if levels == EXAMPLE_LEVELS else np.uint16)


@pytest.fixture
def comparison():
    rng = np.random.default_rng(0)
    image = np.zeros((6, 8, 3), np.uint8)
    found = {
        name: Segmentation(image, ("a", "b"), rng.random((2, 6, 8), np.float32), name, 0.25)
        for name in ("rgbnet", "ldznet")
    }
    return found, compare_found(Picture(image, "test"), found, Settings("pocket"))


def test_a_comparison_gives_back_its_segmentations(comparison):
    found, kept = comparison
    for name, each in kept.at(0.37).items():
        assert np.array_equal(each.mask, found[name].at(0.37).mask)
        assert each.score == pytest.approx(found[name].at(0.37).score, abs=1e-4)
        assert (each.phrases, each.seconds) == (("a", "b"), 0.25)


def test_phrases_can_be_left_out(comparison):
    found, kept = comparison
    only = kept.at(0.5, ["b"])["rgbnet"]
    assert only.phrases == ("b",)
    assert np.array_equal(only.mask[0], found["rgbnet"].mask[1])
    assert kept.at(0.5, [])["rgbnet"].mask.shape == (0, 6, 8)


def test_truth_is_added_to_a_copy(comparison):
    _, kept = comparison
    mask = np.ones((6, 8), bool)
    assert kept.with_truth("b", mask).picture.truth == {"b": mask}
    assert kept.picture.truth == {}
