"""What the text changes in the diffusion model's guess of the noise: the paper's motivation."""

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.ldm import check_seed
from ldznet.inspection.defaults import DEFAULT_TIMESTEP
from ldznet.inspection.subject import Subject, noisy_latents
from ldznet.inspection.tokens import check_phrase


def text_change(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = DEFAULT_TIMESTEP,
    seed: int = 0,
) -> np.ndarray:
    """(h, w) float32, at least 0: how far the phrase moves the noise estimate of each latent cell.

    The Euclidean norm over the four channels of the estimate with the phrase less the one with an
    empty text, whatever the model predicts; both come from one pass of two. Raises ValueError for
    an empty or over-long phrase, or a seed or timestep out of range.
    """
    check_seed(seed)
    text = backbone.encode_text([check_phrase(phrase), ""])  # (2, tokens, D)
    noisy = noisy_latents(backbone, subject, timestep, seed).expand(2, -1, -1, -1)
    conditional, unconditional = backbone.estimate_noise(noisy, text, timestep)
    return (conditional - unconditional).norm(dim=0).cpu().numpy()
