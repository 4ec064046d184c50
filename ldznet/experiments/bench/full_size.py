"""Stable Diffusion 1.x and LD-ZNet at full size with random weights."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.pocket import build_scheduler, build_tokenizer
from ldznet.networks import LDZNet

SIDE = 384  # pixels, of the pictures that LD-ZNet was trained on
HEADS, TEXT_WIDTH = 8, 768
WORDS = ("a", "photo", "of", "red", "ball", "blue", "star", "tree", "umbrella")
PHRASES = ("red ball", "blue star", "tree", "umbrella")

Model = TypeVar("Model", bound=nn.Module)


def build_backbone(dtype: torch.dtype) -> LatentDiffusion:
    """Stable Diffusion 1.x in the libraries' own classes."""
    vae, unet = fill(build_autoencoder, dtype), fill(build_unet, dtype)
    text_encoder = fill(_build_text_encoder, dtype)
    return LatentDiffusion(vae, unet, text_encoder, build_tokenizer(WORDS), build_scheduler())


def build_network(dtype: torch.dtype) -> LDZNet:
    """LD-ZNet of the paper's widths, frozen."""
    return fill(LDZNet, dtype)


def build_autoencoder() -> AutoencoderKL:
    """The first stage of Stable Diffusion 1.x."""
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def build_unet() -> UNet2DConditionModel:
    """The denoising U-Net of Stable Diffusion 1.x."""
    return UNet2DConditionModel(
        sample_size=64, cross_attention_dim=TEXT_WIDTH, attention_head_dim=HEADS
    )


def _build_text_encoder() -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=12,
            num_attention_heads=12,
        )
    )


def fill(build: Callable[[], Model], dtype: torch.dtype) -> Model:
    """A frozen model with random weights of a scale that keeps activations near one.

    The usual initialisation takes minutes at this size; here a million numbers are repeated.
    """
    with torch.device("meta"):
        model = build().to(dtype)
    model = model.to_empty(device="cpu").eval().requires_grad_(False)
    numbers = torch.randn(2**20, generator=torch.Generator().manual_seed(0)).to(dtype)
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:
            parameter.fill_(float(name.endswith("weight")))
            continue
        flat = parameter.view(-1)
        for piece in flat.split(len(numbers)):
            piece.copy_(numbers[: len(piece)])
        flat.mul_(parameter[0].numel() ** -0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("position_ids"):
            buffer.copy_(torch.arange(buffer.shape[-1]).expand_as(buffer))
    return model
