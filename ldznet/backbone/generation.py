"""Prompt to image with diffusers' own Stable Diffusion pipeline around the backbone's parts."""

from collections.abc import Sequence

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL import Image

from ldznet.backbone.ldm import LatentDiffusion


def build_pipeline(backbone: LatentDiffusion) -> StableDiffusionPipeline:
    """The stock pipeline, sharing the backbone's modules; DDIM, no safety checker."""
    pipeline = StableDiffusionPipeline(
        vae=backbone.vae,
        text_encoder=backbone.text_encoder,
        tokenizer=backbone.tokenizer,
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
        list(prompts),
        height=side,
        width=side,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=[torch.Generator().manual_seed(seed + i) for i in range(len(prompts))],
        output_type="np",
    ).images
    return (pictures * 255).round().astype(np.uint8)


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
