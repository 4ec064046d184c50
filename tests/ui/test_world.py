"""Whether a picture looks like pocket's world."""

import numpy as np
import pytest

from ldznet.data.shapes import STYLES, draw_scene
from ldznet.ui.models import Loaded
from ldznet.ui.world import is_far


@pytest.mark.parametrize("style", [style for style in STYLES if style != "sketch"])
def test_scenes_are_near(pocket, style):
    loaded = Loaded(pocket)
    far = [is_far(loaded, draw_scene(number, style).image) for number in range(700, 712)]
    assert sum(far) <= 1


def test_noise_is_far(pocket):
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert is_far(Loaded(pocket), noise)


def test_another_backbone_is_not_judged_by_pockets_limit(segmenter):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert not is_far(Loaded(segmenter, "another"), noise)
