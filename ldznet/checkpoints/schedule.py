"""The noise schedule of a Stable Diffusion 1.x or 2.x, and what its U-Net predicts.

All of them share one schedule. What a checkpoint states counts: a folder `scheduler` beside it, its
betas, and the marker keys of models trained on the velocity; else the U-Net itself shows what it
predicts.
"""

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr
from torch import Tensor

from ldznet.checkpoints.folder import load_scheduler

# Keys without content that state what a model was trained on: the velocity, and a schedule
# rescaled so that nothing of the image is left at its last timestep.
VELOCITY, ZERO_SNR = "v_pred", "ztsnr"
MARKERS = (VELOCITY, ZERO_SNR)

VELOCITY_PIXELS = 768  # native side of the Stable Diffusion 2.x that predicts the velocity
TOLERANCE = 1e-3  # relative, of betas before they are rounded to their precision
# What betas may have been stored in, now or on their way.
PRECISIONS = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
)


def build_scheduler(
    prediction_type: str = "epsilon", *, rescale_betas_zero_snr: bool = False
) -> DDIMScheduler:
    """Stable Diffusion's schedule: scaled linear, 1,000 timesteps; 1.x predicts the noise.

    A rescaled one is sampled from its very last timestep, where there is nothing but noise.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
        rescale_betas_zero_snr=rescale_betas_zero_snr,
        timestep_spacing="trailing" if rescale_betas_zero_snr else "leading",
    )


def is_standard(betas: Tensor) -> bool:
    """Whether betas are those of Stable Diffusion, up to the rounding of their precision."""
    return _agree(betas, build_scheduler().betas)


def is_rescaled(betas: Tensor) -> bool:
    """Whether betas are those of Stable Diffusion, rescaled to end without signal."""
    return _agree(betas, rescale_zero_terminal_snr(build_scheduler().betas))


def _agree(betas: Tensor, ours: Tensor) -> bool:
    """Rounding keeps an order: what lies within the tolerance still does when both are rounded."""
    if betas.shape != ours.shape:
        return False
    given = betas.float()
    for precision in PRECISIONS:
        if torch.equal(given.to(precision).float(), given):
            least, most = (
                (ours * (1 + share)).to(precision).float() for share in (-TOLERANCE, TOLERANCE)
            )
            if bool(((least <= given) & (given <= most)).all()):
                return True
    return False


def find_scheduler(
    checkpoint: Path, unet: Any, betas: Sequence[Tensor], keys: Container[str], *, second: bool
) -> DDIMScheduler:
    """The scheduler of a checkpoint in the official layout, whose U-Net is filled.

    `betas` are those in it, `keys` its keys, `second` whether it is a Stable Diffusion 2.x; one
    of these that predicts the velocity is told its native size. Raises ValueError for another
    schedule, with the remedy, or for a folder `scheduler` beside it that cannot be read.
    """
    beside = checkpoint.parent / "scheduler"
    if beside.is_dir():
        scheduler = load_scheduler(beside)
    else:
        if not all(is_standard(each) or is_rescaled(each) for each in betas):
            raise ValueError(
                f"'{checkpoint.name}' was trained with another noise schedule than Stable "
                "Diffusion's; copy the folder 'scheduler' of its model beside it."
            )
        rescaled = ZERO_SNR in keys or any(is_rescaled(each) for each in betas)
        # Where no signal is left, only a velocity can be sampled from: the noise is all there is.
        velocity = VELOCITY in keys or rescaled or predicts_velocity(unet)
        scheduler = build_scheduler(
            "v_prediction" if velocity else "epsilon", rescale_betas_zero_snr=rescaled
        )
    if second and scheduler.config.prediction_type == "v_prediction":
        unet.register_to_config(sample_size=VELOCITY_PIXELS // 8)
    return scheduler


@torch.no_grad()
def predicts_velocity(unet: Any) -> bool:
    """Whether a U-Net predicts the velocity; its tensors' shapes do not tell.

    At the last timestep the latents are almost all noise. A model that predicts the noise answers
    with what it was given; the velocity there is almost the negative of the clean latents.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 4, 16, 16, generator=generator).to(unet.dtype)
    text = torch.zeros(1, 1, unet.config.cross_attention_dim, dtype=unet.dtype)
    answer = unet(noise, 999, text).sample.float()
    return bool(
        torch.corrcoef(torch.stack([answer.flatten(), noise.float().flatten()]))[0, 1] < 0.5
    )
