"""The checker's labels, and that a minute's training teaches it something."""

import numpy as np
import pytest
import torch

from ldznet.data.shapes import CATEGORIES, COLOURS, draw_scene
from ldznet.experiments.checker import SceneChecker
from ldznet.experiments.pocket import checker as training
from ldznet.experiments.pocket.checker import (
    IGNORE,
    draw_labelled_scenes,
    label_cells,
    labelled_loss,
    lay_over,
    train_checker,
)
from ldznet.training.loop import TrainConfig


def test_labels_follow_the_masks():
    scene = draw_scene(12, "photo", "full")
    category, colour = label_cells(scene)
    bare = ~np.logical_or.reduce([thing.mask for thing in scene.objects])
    for row in range(32):
        for column in range(32):
            cell = np.s_[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            label = category[row, column]
            if bare[cell].all():
                assert label == 0
            whole = [thing for thing in scene.objects if thing.mask[cell].all()]
            for thing in whole:
                assert label == 1 + CATEGORIES.index(thing.category)
                assert colour[row, column] == COLOURS.index(thing.colour)
            if label in (0, IGNORE):
                assert colour[row, column] == IGNORE


def test_training_lowers_the_loss(tmp_path):
    torch.manual_seed(0)
    checker = SceneChecker(widths=(8, 16, 16, 16))
    scenes = draw_labelled_scenes(16)
    config = TrainConfig(steps=20, batch_size=8, learning_rate=5e-3, warm_up=2, average=0.5)
    result = train_checker(checker, scenes, config, tmp_path)
    assert result.loss < 0.8 * (np.log(17) + np.log(9))


@pytest.fixture(scope="module")
def scenes():
    return draw_labelled_scenes(6)


CONFIG = TrainConfig(steps=1, batch_size=6, learning_rate=1e-3)


def test_the_batch_follows_the_checker_to_its_device(scenes):
    """A device that computes nothing, and refuses tensors of another one."""
    checker = SceneChecker(widths=(8, 16, 16, 16)).to("meta")
    assert labelled_loss(scenes, CONFIG)(checker, 0).device.type == "meta"


def test_processes_share_a_batch(scenes, monkeypatch):
    """What three processes average is the loss that one process has of the whole batch."""
    torch.manual_seed(0)
    checker = SceneChecker(widths=(8, 16, 16, 16)).eval()
    loss = labelled_loss(scenes, CONFIG)

    def measure(share):
        monkeypatch.setattr(training, "own_share", lambda: share)
        with torch.no_grad():
            return float(loss(checker, 3))

    whole, *parts = map(measure, [slice(0, None), *(slice(first, None, 3) for first in range(3))])
    assert len(set(parts)) == 3
    assert sum(parts) / 3 == pytest.approx(whole, rel=1e-5)


def test_things_laid_over_a_scene_hide_what_is_behind_them():
    behind, front = (draw_scene(number, "flat", "pair") for number in (3, 4))
    both = lay_over(behind, front)
    cover = np.logical_or.reduce([thing.mask for thing in front.objects])
    assert np.array_equal(both.image[cover], front.image[cover])
    assert np.array_equal(both.image[~cover], behind.image[~cover])
    kept, new = both.objects[: len(behind.objects)], both.objects[len(behind.objects) :]
    assert new == front.objects
    for thing, whole in zip(kept, behind.objects, strict=True):
        assert np.array_equal(thing.mask, whole.mask & ~cover)
    assert np.sum([thing.mask for thing in both.objects], axis=0).max() == 1
