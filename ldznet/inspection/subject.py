"""What is looked into: a picture and its latents, or a generated picture and all of its latents."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.images import read_image, to_pictures
from ldznet.pipeline import ImageSource, Segmenter
from ldznet.types import Generation


@dataclass(frozen=True)
class Subject:
    """A picture as the diffusion model sees it; tensors on the CPU."""

    image: np.ndarray  # (H, W, 3) uint8, at the working size
    latents: Tensor  # (1, 4, h, w) float32, clean, scaled to unit deviation
    # Timestep -> (1, 4, h, w) that a sampler passed through; empty for a picture from a file
    trajectory: Mapping[int, Tensor] = field(default_factory=dict)
    prompt: str = ""  # what the picture was drawn from; empty for a picture from a file
    seed: int | None = None
    guidance: float | None = None

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) of the latents."""
        height, width = self.latents.shape[-2:]
        return height, width


@torch.no_grad()
def subject_of_image(segmenter: Segmenter, image: ImageSource) -> Subject:
    """A picture at the size at which the networks work, and its latents.

    Raises ValueError for an unreadable image (see `read_image`).
    """
    pixels = segmenter.to_pixels(read_image(image))  # (1, 3, H, W)
    latents = segmenter.backbone.encode_image(pixels)
    return Subject(image=to_image(pixels), latents=latents.float().cpu())


def subject_of_generation(generation: Generation) -> Subject:
    """A generated picture, its final latents and the latents its sampler passed through."""
    return Subject(
        image=generation.image,
        latents=generation.latents,
        trajectory=generation.trajectory,
        prompt=generation.prompt,
        seed=generation.seed,
        guidance=generation.guidance,
    )


def noisy_latents(
    backbone: LatentDiffusion, subject: Subject, timestep: int, seed: int = 0
) -> Tensor:
    """(1, 4, h, w) latents of a timestep, as the backbone's device and precision want them.

    The sampler's own where it visited the timestep; else the clean latents under seeded noise.
    Raises ValueError for a timestep the noise schedule does not have.
    """
    backbone.check_timestep(timestep)
    if timestep in subject.trajectory:
        return subject.trajectory[timestep].to(backbone.device, backbone.dtype)
    latents = subject.latents.to(backbone.device, backbone.dtype)
    return backbone.add_noise(latents, timestep, backbone.draw_noise(latents.shape, seed))


def to_image(pixels: Tensor) -> np.ndarray:
    """(H, W, 3) uint8 of the first of pixels (B, 3, H, W) in [-1, 1]."""
    return to_pictures(pixels[:1])[0]
