"""The frozen latent diffusion model whose insides the networks read."""

from ldznet.backbone.generation import GenerationStopped, Step, feature_timestep, generate
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.recording import record

__all__ = [
    "GenerationStopped",
    "LatentDiffusion",
    "Step",
    "feature_timestep",
    "generate",
    "record",
]
