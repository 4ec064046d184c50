"""The first stage of an official checkpoint as diffusers' autoencoder."""

from collections.abc import Mapping

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from ldznet.checkpoints.official.whole import count_numbers, shape_of

SCALING_FACTOR = 0.18215  # of Stable Diffusion's published configuration; the tensors do not tell

# Pieces of the official keys and diffusers' for them, in this order.
NAMES = (
    (".down.", ".down_blocks."),
    (".block.", ".resnets."),
    (".downsample.", ".downsamplers.0."),
    (".upsample.", ".upsamplers.0."),
    (".mid.block_1.", ".mid_block.resnets.0."),
    (".mid.block_2.", ".mid_block.resnets.1."),
    (".nin_shortcut.", ".conv_shortcut."),
    (".mid.attn_1.norm.", ".mid_block.attentions.0.group_norm."),
    (".mid.attn_1.q.", ".mid_block.attentions.0.to_q."),
    (".mid.attn_1.k.", ".mid_block.attentions.0.to_k."),
    (".mid.attn_1.v.", ".mid_block.attentions.0.to_v."),
    (".mid.attn_1.proj_out.", ".mid_block.attentions.0.to_out.0."),
    (".norm_out.", ".conv_norm_out."),
)


def build_first_stage(
    tensors: Mapping[str, Tensor], pixels: int = 512
) -> tuple[AutoencoderKL, dict[str, Tensor]]:
    """The autoencoder on the meta device, and its tensors under diffusers' names.

    Keys come without the checkpoint's prefix; `pixels` is the native side, which no tensor tells.
    Raises ValueError if a tensor that tells the size is missing.
    """
    levels = count_numbers(tensors, "encoder.down.")
    widths = [shape_of(tensors, f"encoder.down.{n}.block.0.conv1.weight")[0] for n in range(levels)]
    with torch.device("meta"):
        autoencoder = AutoencoderKL(
            block_out_channels=tuple(widths),
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=count_numbers(tensors, "encoder.down.0.block."),
            latent_channels=shape_of(tensors, "quant_conv.weight")[0] // 2,
            sample_size=pixels,
            scaling_factor=SCALING_FACTOR,
        )
    ours = {_rename(key, levels): _as_linear(key, tensor) for key, tensor in tensors.items()}
    return autoencoder, ours


def _rename(key: str, levels: int) -> str:
    """Diffusers' name; it counts the decoder's levels from the deepest, the official one back."""
    for level in range(levels):
        key = key.replace(f"decoder.up.{level}.", f"decoder.up_blocks.{levels - 1 - level}.")
    for official, ours in NAMES:
        key = key.replace(official, ours)
    return key


def _as_linear(key: str, tensor: Tensor) -> Tensor:
    """The official attention has 1x1 convolutions where ours has linear layers."""
    if ".attn_1." in key and tensor.ndim == 4:
        return tensor.flatten(1)  # (out, in, 1, 1) -> (out, in)
    return tensor
