"""What is looked into: a picture and its latents, or a generated picture and all of its latents.

And the latents themselves: their channels, and what of the picture they bring back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.images import read_image, to_pictures
from ldznet.phrases import clean_text
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


@dataclass(frozen=True)
class LatentView:
    """A picture's latent and the picture decoded from it."""

    channels: np.ndarray  # (4, h, w) float32, scaled to about unit deviation
    reconstruction: np.ndarray  # (H, W, 3) uint8
    difference: np.ndarray  # (H, W) float32 in [0, 1]: mean over the colours of |picture - decoded|
    psnr: float  # dB, peak signal-to-noise ratio of the reconstruction; infinite if it is equal


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


def to_image(pixels: Tensor) -> np.ndarray:
    """(H, W, 3) uint8 of the first of pixels (B, 3, H, W) in [-1, 1]."""
    return to_pictures(pixels[:1])[0]


def check_phrase(phrase: str) -> str:
    """The phrase as `clean_text` leaves it; raises ValueError if nothing is left."""
    cleaned = clean_text(phrase)
    if not cleaned:
        raise ValueError("The phrase is empty; write what to look for.")
    return cleaned


def find_cell(x: float, y: float, size: tuple[int, ...], grid: tuple[int, int]) -> tuple[int, int]:
    """(row, column), on a grid (h, w), of the point (x, y) in a picture of `size` (H, W).

    Raises ValueError for a point outside the picture.
    """
    height, width = size
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f"The point ({x:g}, {y:g}) is outside the picture; x goes from 0 to {width - 1} and "
            f"y from 0 to {height - 1}."
        )
    return int(y * grid[0] / height), int(x * grid[1] / width)
