"""Whether a picture is of the world that pocket knows."""

import numpy as np

from ldznet.pipeline import POCKET
from ldznet.ui.models import Models

# Root mean square error in [0, 1] of the autoencoder's own redrawing of a picture. Measured on 900
# held-out scenes, 150 of each style: 1.2 % are above it, of sketches 7 %, of the other styles none.
# Of 7 photographs 6 are above it, of their blurred or plain parts only half: smooth pictures are
# easy to redraw wherever they come from, so a missing note promises nothing.
WORLD_LIMIT = 0.035


def is_far(models: Models, image: np.ndarray) -> bool:
    """Whether pocket redraws a picture (H, W, 3) uint8 worse than nearly all of its own world."""
    if models.backbone != POCKET:
        return False
    return models.segmenter.reconstruction_error(image) > WORLD_LIMIT
