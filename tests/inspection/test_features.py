"""Strips of coloured features: one basis a strip, one pass a picture."""

import numpy as np
import pytest
import torch

from ldznet.inspection import features_over_blocks, features_over_timesteps, noisy_latents
from ldznet.inspection.components import principal_components

PHRASE = "red ball"


def test_over_timesteps_every_picture_is_on_one_basis(backbone, subject):
    found = features_over_timesteps(backbone, subject, PHRASE, block=12, timesteps=(900, 50, 400))
    assert (found.over, found.values) == ("timesteps", (900, 50, 400))
    assert found.labels == ("timestep 900", "timestep 50", "timestep 400")
    text = backbone.encode_text([PHRASE])
    maps = [
        backbone.features(noisy_latents(backbone, subject, t), text, t, [12])[12][0].numpy()
        for t in found.timesteps
    ]
    scores = np.stack(principal_components(maps).scores)  # (3, 8, 12, 3)
    colours = np.stack(found.colours)
    assert colours.shape == scores.shape
    for number in range(3):
        low, high = np.percentile(scores[..., number], (1, 99))
        expected = np.clip((scores[..., number] - low) / (high - low), 0, 1)
        np.testing.assert_allclose(colours[..., number], expected, atol=1e-5)
    assert (colours.min(), colours.max()) == (0, 1)


def test_equal_features_get_equal_colours(backbone, subject):
    found = features_over_timesteps(backbone, subject, PHRASE, block=3, timesteps=(300, 700, 300))
    first, between, last = found.colours
    assert (first == last).all()
    assert not np.allclose(first, between, atol=0.05)


def test_over_blocks_one_pass_colours_each_on_its_own_grid(backbone, subject, count_runs):
    with count_runs(backbone.unet) as ran:
        found = features_over_blocks(backbone, subject, PHRASE, timestep=250, seed=4)
    assert ran == list(range(1, 17))
    assert found.labels[6] == "block 7"
    assert found.timesteps == (250,)
    shapes = [colours.shape for colours in found.colours]
    assert shapes[0] == shapes[15] == (16, 24, 3)
    assert (shapes[3], shapes[8], shapes[6]) == ((8, 12, 3), (4, 6, 3), (2, 3, 3))
    for colours in found.colours:
        assert colours.dtype == np.float32
        assert colours.min() >= 0
        assert colours.max() <= 1
    assert 0 < found.explained.sum() <= 1
    assert (np.diff(found.explained) <= 0).all()


def test_a_few_blocks_stop_the_pass_early(backbone, subject, count_runs):
    with count_runs(backbone.unet) as ran:
        found = features_over_blocks(backbone, subject, PHRASE, blocks=[4, 2])
    assert ran == [1, 2, 3, 4]
    assert found.blocks == (2, 4)


def test_the_seed_decides_the_noise(backbone, subject):
    def strip(seed):
        return features_over_timesteps(
            backbone, subject, PHRASE, block=2, timesteps=[600], seed=seed
        ).colours[0]

    assert (strip(1) == strip(1)).all()
    assert not (strip(1) == strip(2)).all()


def test_no_timestep_and_no_block_are_refused(backbone, subject):
    with pytest.raises(ValueError, match="at least one timestep"):
        features_over_timesteps(backbone, subject, PHRASE, timesteps=[])
    with pytest.raises(ValueError, match="at least one block"):
        features_over_blocks(backbone, subject, PHRASE, blocks=[])


def test_nothing_stays_on_the_u_net(backbone, subject):
    before = torch.random.get_rng_state()
    features_over_blocks(backbone, subject, PHRASE)
    assert all(not part._forward_hooks for part in backbone.unet.modules())
    assert all(not part._forward_pre_hooks for part in backbone.unet.modules())
    assert torch.equal(before, torch.random.get_rng_state())  # the noise has a generator of its own
