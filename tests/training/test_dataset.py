"""Samples in memory: what a batch holds is what the samples were."""

import numpy as np
import pytest
import torch

from ldznet.training.dataset import prepare_masked_scenes
from ldznet.types import Sample


@pytest.mark.parametrize("width", [64, 100])
def test_masks_come_back_in_their_own_size_whatever_the_width(backbone, width):
    random = np.random.default_rng(0)
    samples = [
        Sample(
            image=random.integers(0, 256, (40, width, 3), np.uint8),
            phrase=phrase,
            mask=random.random((40, width)) < 0.5,
            source=f"drawn/{number}",
        )
        for number, phrase in enumerate(("red ball", "blue car", "red ball"))
    ]
    scenes = prepare_masked_scenes(backbone, samples)
    encoding, masks = scenes.batch([2, 0], torch.device("cpu"))
    expected = np.stack([samples[2].mask, samples[0].mask])[:, None]
    assert torch.equal(masks, torch.from_numpy(expected).float())
    assert torch.equal(encoding.text, backbone.encode_text(["red ball"]).expand(2, -1, -1))
    assert len(scenes.text) == 2  # the distinct phrases, and nothing beside them
