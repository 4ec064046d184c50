"""The plain way finds what the shared way finds."""

import numpy as np

from ldznet.experiments.bench.pocket import compare_plainly, draw_example
from ldznet.networks import NETWORKS


def test_the_plain_way_finds_the_same(segmenter):
    image, texts = draw_example(3, segmenter.backbone.native_size)
    networks = {name: segmenter.networks[name] for name in NETWORKS}
    segmentations = segmenter.compare(image, texts, list(networks), seed=2, timestep=250)
    plain = compare_plainly(segmenter.backbone, networks, image, texts, seed=2, timestep=250)
    assert list(plain) == list(segmentations) == ["rgbnet", "znet", "ldznet"]
    for name, probability in plain.items():
        np.testing.assert_allclose(segmentations[name].probability, probability, atol=1e-5)
