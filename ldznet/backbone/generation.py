"""Prompt to image with diffusers' own Stable Diffusion pipeline around the backbone's parts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ldznet.backbone.ldm import FEATURE_TIMESTEP, LatentDiffusion, check_length, check_seed
from ldznet.backbone.recording import record
from ldznet.blocks import FUSION_BLOCKS
from ldznet.phrases import clean_text
from ldznet.types import Generation

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

MAX_STEPS = 100
MAX_GUIDANCE = 30.0
# Timesteps whose features say most about what is in the picture (paper section 4.2, Fig. 4).
FEATURE_TIMESTEPS = range(300, 500)


@dataclass(frozen=True)
class Step:
    """One step of the sampler, while it draws."""

    number: int  # from 1
    total: int
    timestep: int  # at which the noise was estimated
    latents: Tensor  # (1, 4, h, w), scaled, after the step; on the backbone's device


class GenerationStopped(Exception):  # noqa: N818 - not an error
    """What an `on_step` raises to end a generation that nobody waits for any more."""


def generate(
    backbone: LatentDiffusion,
    prompt: str,
    *,
    negative_prompt: str = "",
    steps: int = 30,
    guidance: float = 4.0,
    seed: int = 0,
    on_step: Callable[[Step], object] | None = None,
) -> Generation:
    """A picture of the backbone's native size drawn from a prompt, and what LD-ZNet can reuse.

    The picture is bit for bit the one the stock pipeline draws from `torch.Generator` with this
    seed. Kept on the way: the latents that entered every step, the last ones, and the features of
    blocks 6 to 10 at the visited timestep nearest to 400 (see `feature_timestep`), of the prompt's
    half of the guidance batch. A guidance of 1 is none: then the negative prompt is not read.
    Prompts are read as `clean_text` leaves them.

    `on_step` is told every step; what it raises (such as `GenerationStopped`) passes through and
    leaves nothing behind. Raises ValueError for an empty prompt, a prompt or negative prompt with
    more tokens than the text encoder reads, or steps (1 to 100), guidance (1 to 30) or seed out of
    range.
    """
    prompt, negative_prompt = clean_text(prompt), clean_text(negative_prompt)
    check_prompts(backbone, prompt, negative_prompt)
    check_sampling(steps, guidance)
    check_seed(seed)
    pipeline = build_pipeline(backbone)
    pipeline.scheduler.set_timesteps(steps)
    chosen = feature_timestep(pipeline.scheduler.timesteps.tolist())
    side = backbone.native_size
    cells = side // backbone.factor
    latents = backbone.draw_noise((1, backbone.unet.config.in_channels, cells, cells), seed)
    trajectory: dict[int, Tensor] = {}

    def after_step(_: Any, index: int, timestep: Tensor, tensors: dict[str, Tensor]) -> dict:
        nonlocal latents
        trajectory[int(timestep)] = _keep(latents)
        latents = tensors["latents"]
        backbone.check_numbers(latents)
        if on_step is not None:
            on_step(Step(index + 1, steps, int(timestep), latents))
        return {}

    timesteps = () if chosen is None else (chosen,)
    with record(backbone.unet, timesteps=timesteps, features=FUSION_BLOCKS) as recording:
        picture = pipeline(
            **embed_prompts(backbone, [prompt], [negative_prompt], guidance=guidance),
            height=side,
            width=side,
            num_inference_steps=steps,
            guidance_scale=guidance,
            latents=latents,
            output_type="np",
            callback_on_step_end=after_step,
        ).images[0]
    backbone.check_numbers(torch.from_numpy(picture))
    return Generation(
        image=to_bytes(picture),
        latents=latents.float().cpu(),
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=seed,
        steps=steps,
        guidance=guidance,
        trajectory=trajectory,
        # With guidance the batch is (unconditional, conditional), without it is conditional alone.
        features={block: _keep(part[-1:]) for (_, block), part in recording.features.items()},
        feature_timestep=chosen,
    )


def feature_timestep(timesteps: Iterable[int]) -> int | None:
    """The timestep nearest to 400 of those a sampler visits within [300, 500); None without one."""
    near = [timestep for timestep in timesteps if timestep in FEATURE_TIMESTEPS]
    return min(near, key=lambda timestep: abs(timestep - FEATURE_TIMESTEP), default=None)


def build_pipeline(backbone: LatentDiffusion) -> "StableDiffusionPipeline":
    """The stock pipeline, sharing the backbone's modules; DDIM, no safety checker.

    It takes prompts as `embed_prompts` encodes them.
    """
    # Imported here: whoever only segments need not load it.
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=backbone.vae,
        text_encoder=None,
        tokenizer=None,
        unet=backbone.unet,
        scheduler=DDIMScheduler.from_config(backbone.scheduler.config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    # The pipeline counts the autoencoder's levels, which misses the patch of a PatchAutoencoder.
    pipeline.vae_scale_factor = backbone.factor
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def embed_prompts(
    backbone: LatentDiffusion,
    prompts: Sequence[str],
    negative_prompts: Sequence[str] | None = None,
    *,
    guidance: float,
) -> dict[str, Tensor]:
    """What the pipeline's call takes for so many prompts, each (B, tokens, D).

    In the U-Net's precision: left to itself, the pipeline hands on the text encoder's, which is
    higher. Negative prompts are empty unless given, and a guidance of 1 reads none.
    """
    embeds = {"prompt_embeds": backbone.encode_text(prompts)}
    if guidance > 1:
        negative = backbone.encode_text(negative_prompts or [""] * len(prompts))
        embeds["negative_prompt_embeds"] = negative
    return embeds


def draw_pictures(
    backbone: LatentDiffusion,
    prompts: Sequence[str],
    *,
    seed: int = 0,
    steps: int = 30,
    guidance: float = 4.0,
) -> np.ndarray:
    """(N, H, W, 3) uint8, a picture per prompt; picture i is seeded by `seed + i` alone."""
    side = backbone.native_size
    pictures = build_pipeline(backbone)(
        **embed_prompts(backbone, prompts, guidance=guidance),
        height=side,
        width=side,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=[torch.Generator().manual_seed(seed + i) for i in range(len(prompts))],
        output_type="np",
    ).images
    backbone.check_numbers(torch.from_numpy(pictures))
    return to_bytes(pictures)


def draw_sheet(
    backbone: LatentDiffusion, prompts: Sequence[str], *, seed: int = 0, columns: int = 8
) -> Image.Image:
    """All pictures of the prompts on one sheet, row by row."""
    pictures = draw_pictures(backbone, prompts, seed=seed)
    blank = np.zeros_like(pictures[:1])
    while len(pictures) % columns:
        pictures = np.concatenate([pictures, blank])
    rows = [np.hstack(list(pictures[i : i + columns])) for i in range(0, len(pictures), columns)]
    return Image.fromarray(np.vstack(rows))


def to_bytes(pictures: np.ndarray) -> np.ndarray:
    """uint8 of floats in [0, 1], rounded as diffusers rounds them."""
    return (pictures * 255).round().astype(np.uint8)


def _keep(tensor: Tensor) -> Tensor:
    """A copy of its own, half precision, on the CPU: small, and free of the batch it was in."""
    return tensor.to("cpu", torch.float16, copy=True)


def check_prompts(backbone: LatentDiffusion, prompt: str, negative_prompt: str = "") -> None:
    """Raises ValueError for an empty prompt, or one the text encoder would cut, saying where."""
    if not clean_text(prompt):
        raise ValueError("The prompt is empty; write what to draw.")
    limit = backbone.text_length
    # The pipeline would draw from the words that fit and drop the rest without raising.
    for what, text in (("The prompt", prompt), ("The negative prompt", negative_prompt)):
        check_length(backbone.tokenizer, text, limit, what)


def check_sampling(steps: int, guidance: float) -> None:
    """Raises ValueError for steps not from 1 to 100 or a guidance not from 1 to 30."""
    if not 1 <= steps <= MAX_STEPS:
        raise ValueError(f"The number of steps must be from 1 to {MAX_STEPS}; got {steps}.")
    if not 1 <= guidance <= MAX_GUIDANCE:
        raise ValueError(f"The guidance must be from 1 to {MAX_GUIDANCE:.0f}; got {guidance}.")
