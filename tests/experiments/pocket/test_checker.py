"""The checker's labels, and that a minute's training teaches it something."""

import numpy as np
import torch

from ldznet.data.shapes import CATEGORIES, COLOURS, draw_scene
from ldznet.experiments.checker import SceneChecker
from ldznet.experiments.pocket.checker import (
    IGNORE,
    draw_labelled_scenes,
    label_cells,
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
                assert colour[row, column] in (IGNORE, *range(len(COLOURS)))


def test_training_lowers_the_loss(tmp_path):
    torch.manual_seed(0)
    checker = SceneChecker(widths=(8, 16, 16, 16))
    scenes = draw_labelled_scenes(16)
    config = TrainConfig(steps=20, batch_size=8, learning_rate=5e-3, warm_up=2, average=0.5)
    result = train_checker(checker, scenes, config, tmp_path)
    assert result.loss < 0.8 * (np.log(17) + np.log(9))
