"""Strips of coloured features, and their components against numpy's SVD and their definitions."""

import numpy as np
import pytest
import torch

from ldznet.inspection import features_over_blocks, features_over_timesteps, noisy_latents
from ldznet.inspection.features import principal_components, shared_components
from tests.conftest import features_of

PHRASE = "red ball"


def test_over_timesteps_every_picture_is_on_one_basis(backbone, subject):
    strip = features_over_timesteps(backbone, subject, PHRASE, block=12, timesteps=(900, 50, 400))
    assert (strip.over, strip.values) == ("timesteps", (900, 50, 400))
    assert strip.labels == ("timestep 900", "timestep 50", "timestep 400")
    text = backbone.encode_text([PHRASE])
    maps = [
        features_of(backbone, noisy_latents(backbone, subject, t), text, t, [12])[12][0].numpy()
        for t in strip.timesteps
    ]
    scores = np.stack(principal_components(maps).scores)  # (3, 8, 12, 3)
    colours = np.stack(strip.colours)
    assert colours.shape == scores.shape
    for number in range(3):
        low, high = np.percentile(scores[..., number], (1, 99))
        expected = np.clip((scores[..., number] - low) / (high - low), 0, 1)
        np.testing.assert_allclose(colours[..., number], expected, atol=1e-5)
    assert (colours.min(), colours.max()) == (0, 1)


def test_equal_features_get_equal_colours(backbone, subject):
    strip = features_over_timesteps(backbone, subject, PHRASE, block=3, timesteps=(300, 700, 300))
    first, between, last = strip.colours
    assert (first == last).all()
    assert not np.allclose(first, between, atol=0.05)


def test_over_blocks_one_pass_colours_each_on_its_own_grid(backbone, subject, count_runs):
    with count_runs(backbone.unet) as ran:
        strip = features_over_blocks(backbone, subject, PHRASE, timestep=250, seed=4)
    assert ran == list(range(1, 17))
    assert strip.labels[6] == "block 7"
    assert strip.timesteps == (250,)
    shapes = [colours.shape for colours in strip.colours]
    assert shapes[0] == shapes[15] == (16, 24, 3)
    assert (shapes[3], shapes[8], shapes[6]) == ((8, 12, 3), (4, 6, 3), (2, 3, 3))
    for colours in strip.colours:
        assert colours.dtype == np.float32
        assert colours.min() >= 0
        assert colours.max() <= 1
    assert 0 < strip.explained.sum() <= 1
    assert (np.diff(strip.explained) <= 0).all()


def test_a_few_blocks_stop_the_pass_early(backbone, subject, count_runs):
    with count_runs(backbone.unet) as ran:
        strip = features_over_blocks(backbone, subject, PHRASE, blocks=[4, 2])
    assert ran == [1, 2, 3, 4]
    assert strip.blocks == (2, 4)


def test_the_seed_decides_the_noise(backbone, subject):
    def first_colours(seed):
        return features_over_timesteps(
            backbone, subject, PHRASE, block=2, timesteps=[600], seed=seed
        ).colours[0]

    assert (first_colours(1) == first_colours(1)).all()
    assert not (first_colours(1) == first_colours(2)).all()


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


def maps(seed, *shapes):
    """Features whose channels are mixed, so that their spectrum is not flat."""
    random = np.random.default_rng(seed)
    mixing = [random.normal(size=(shape[0], shape[0])) for shape in shapes]
    drawn = [random.normal(size=(shape[0], shape[1] * shape[2])) + 2 for shape in shapes]
    pairs = zip(mixing, drawn, shapes, strict=True)
    return [(mix @ cells).reshape(shape).astype(np.float32) for mix, cells, shape in pairs]


def table(feature):
    return feature.reshape(len(feature), -1).T.astype(float)


def test_principal_components_are_those_of_a_singular_value_decomposition():
    features = maps(0, (12, 4, 6), (12, 4, 6), (12, 4, 6))
    components = principal_components(features)
    cells = np.concatenate([table(each) for each in features])
    _, lengths, axes = np.linalg.svd(cells - cells.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(
        components.explained, (lengths**2 / (lengths**2).sum())[:3], rtol=1e-5
    )
    for number in range(3):
        axis = axes[number] * np.sign(axes[number][np.abs(axes[number]).argmax()])
        expected = ((cells - cells.mean(axis=0)) @ axis).reshape(3, 4, 6)
        scores = np.stack(components.scores)[..., number]
        np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_shared_components_are_a_multiple_factor_analysis():
    features = maps(1, (5, 6, 8), (20, 6, 8), (9, 6, 8))
    features[1] *= 100  # a block of large values must not outweigh the others
    components = shared_components(features)
    centred = [table(each) - table(each).mean(axis=0) for each in features]
    balanced = [each / np.linalg.norm(each, 2) for each in centred]  # the first singular value
    units, lengths, axes = np.linalg.svd(np.hstack(balanced), full_matrices=False)
    np.testing.assert_allclose(
        components.explained, (lengths**2 / (lengths**2).sum())[:3], rtol=1e-5
    )
    signs = np.sign(axes[np.arange(3), np.abs(axes[:3]).argmax(axis=1)])
    starts = [0, 5, 25]
    for each, start, scores in zip(balanced, starts, components.scores, strict=True):
        partial = 3 * each @ axes[:3, start : start + each.shape[1]].T * signs
        np.testing.assert_allclose(scores.reshape(-1, 3), partial, atol=1e-5)
    common = (units * lengths)[:, :3] * signs
    np.testing.assert_allclose(np.mean(components.scores, axis=0).reshape(-1, 3), common, atol=1e-5)


def test_blocks_of_different_size_keep_their_own_grids():
    coarse, fine = maps(2, (8, 2, 3), (6, 8, 12))
    components = shared_components([coarse, fine])
    assert [score.shape for score in components.scores] == [(2, 3, 3), (8, 12, 3)]
    rows = 2 * 8 * 12  # on the grid where they meet, equally many of each
    assert components.sample.shape == (rows, 3)


def test_large_grids_meet_on_a_smaller_one():
    components = shared_components(maps(3, (4, 64, 48), (4, 32, 24)))
    assert components.sample.shape == (2 * 32 * 32, 3)
    assert [score.shape for score in components.scores] == [(64, 48, 3), (32, 24, 3)]


@pytest.mark.parametrize("analyse", [principal_components, shared_components])
def test_turning_all_features_round_turns_no_colour_round_twice(analyse):
    """The sign follows the loadings, so a second run of the same features is the same."""
    features = maps(4, (7, 4, 4), (7, 4, 4))
    once, again = analyse(features), analyse([each.copy() for each in features])
    for first, second in zip(once.scores, again.scores, strict=True):
        assert (first == second).all()
    turned = analyse([-each for each in features])
    for first, second in zip(once.scores, turned.scores, strict=True):
        np.testing.assert_allclose(first, -second, atol=1e-5)


@pytest.mark.parametrize("analyse", [principal_components, shared_components])
def test_features_without_variance_have_no_components(analyse):
    flat = np.ones((6, 2, 2), np.float32)
    components = analyse([flat, flat])
    assert all((score == 0).all() for score in components.scores)
    assert (components.explained == 0).all()


def test_a_block_without_variance_does_not_disturb_the_others():
    (feature,) = maps(5, (6, 4, 4))
    components = shared_components([feature, np.ones((3, 4, 4), np.float32)])
    alone = shared_components([feature])
    assert (components.scores[1] == 0).all()
    np.testing.assert_allclose(components.scores[0], 2 * alone.scores[0], atol=1e-6)
