"""The frozen latent diffusion model whose insides the networks read."""

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.recording import record

__all__ = ["LatentDiffusion", "record"]
