"""Latents and differences: neutral at zero, symmetric about it, the right channel in its place."""

import numpy as np
import pytest
from matplotlib import colormaps

from ldznet.figures.latent import (
    draw_channel,
    draw_channels,
    draw_difference,
    latent_figure,
    reach,
    text_change_figure,
)


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
