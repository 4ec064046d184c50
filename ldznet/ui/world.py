"""Whether a picture is of the world that pocket knows."""

import numpy as np

from ldznet.pipeline import POCKET
from ldznet.ui.models import Models

# Root mean square error in [0, 1] of the autoencoder's own redrawing of a picture; see
# `measure_world` for where the limit comes from.
WORLD_LIMIT = 0.1


def is_far(models: Models, image: np.ndarray) -> bool:
    """Whether pocket redraws a picture (H, W, 3) uint8 worse than any of its own world."""
    if models.backbone != POCKET:
        return False
    return models.segmenter.reconstruction_error(image) > WORLD_LIMIT
