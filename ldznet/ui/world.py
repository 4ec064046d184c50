"""Whether a picture is of the world that pocket knows."""

import numpy as np

from ldznet.pipeline import POCKET
from ldznet.ui.models import Answering

# Error in [0, 1] of the median pixel when the autoencoder redraws a picture, chosen and measured by
# `python -m ldznet.experiments.world`: 2 % of 600 drawn scenes are above it, and 4 of 10 foreign
# pictures below (assets/benchmarks/world.json). Smooth pictures are easy to redraw wherever they
# come from, so a missing note promises nothing.
WORLD_LIMIT = 0.022


def is_far(models: Answering, image: np.ndarray) -> bool:
    """Whether pocket redraws a picture (H, W, 3) uint8 worse than nearly all of its own world."""
    if models.backbone != POCKET:
        return False
    return models.segmenter.reconstruction_error(image) > WORLD_LIMIT
