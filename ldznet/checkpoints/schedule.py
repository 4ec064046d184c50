"""The noise schedule that all of Stable Diffusion 1.x and 2.x share."""

import torch
from diffusers import DDIMScheduler
from torch import Tensor


def build_scheduler(prediction_type: str = "epsilon") -> DDIMScheduler:
    """Stable Diffusion's schedule: scaled linear, 1,000 timesteps; 1.x predicts the noise."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
    )


def is_standard(betas: Tensor) -> bool:
    """Whether betas are those of Stable Diffusion, up to the rounding of half precision."""
    ours = build_scheduler().betas
    return betas.shape == ours.shape and torch.allclose(betas.float(), ours, rtol=1e-3, atol=0)
