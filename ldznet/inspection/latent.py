"""The latent itself: its channels, and what of the picture it brings back."""

from dataclasses import dataclass

import numpy as np
import torch

from ldznet.backbone import LatentDiffusion
from ldznet.inspection.subject import Subject, to_image


@dataclass(frozen=True)
class LatentView:
    """A picture's latent and the picture decoded from it."""

    channels: np.ndarray  # (4, h, w) float32, scaled to about unit deviation
    reconstruction: np.ndarray  # (H, W, 3) uint8
    difference: np.ndarray  # (H, W) float32 in [0, 1]: mean over the colours of |picture - decoded|
    psnr: float  # dB, peak signal-to-noise ratio of the reconstruction; infinite if it is equal


@torch.no_grad()
def inspect_latent(backbone: LatentDiffusion, subject: Subject) -> LatentView:
    """The four channels of the clean latents, decoded, and compared with the picture."""
    latents = subject.latents.to(backbone.device, backbone.dtype)
    reconstruction = to_image(backbone.decode_latents(latents))
    error = (reconstruction.astype(np.float64) - subject.image) / 255  # (H, W, 3)
    mean_square = np.square(error).mean()
    return LatentView(
        channels=subject.latents[0].numpy(),
        reconstruction=reconstruction,
        difference=np.abs(error).mean(axis=-1).astype(np.float32),
        psnr=float(-10 * np.log10(mean_square)) if mean_square else float("inf"),
    )
