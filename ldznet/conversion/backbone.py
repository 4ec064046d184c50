"""The frozen model of a checkpoint: U-Net, first stage and text encoder, under diffusers' names."""

from collections.abc import Mapping

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from ldznet.conversion.network import unet_size
from ldznet.conversion.part import Part, shape_of
from ldznet.networks.official import official_to_diffusers

# What the tensors of Stable Diffusion 1.x do not tell (its published configuration).
PIXELS = 512
SCALING_FACTOR = 0.18215
TEXT_HEAD_WIDTH = 64
PADDING_TOKEN = 1

# Pieces of the first stage's official keys and ours for them, in this order.
FIRST_STAGE_NAMES = (
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


def unet_part(tensors: Mapping[str, Tensor]) -> Part:
    """The diffusion model's U-Net; raises ValueError if a tensor that tells its size is missing."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=PIXELS // 8, **unet_size(tensors))
    return Part("backbone/unet", unet, official_to_diffusers(tensors))


def first_stage_part(tensors: Mapping[str, Tensor]) -> Part:
    """The autoencoder; raises ValueError if a tensor that tells its size is missing."""
    levels = _count(tensors, "encoder.down.")
    widths = [shape_of(tensors, f"encoder.down.{n}.block.0.conv1.weight")[0] for n in range(levels)]
    with torch.device("meta"):
        autoencoder = AutoencoderKL(
            block_out_channels=tuple(widths),
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=_count(tensors, "encoder.down.0.block."),
            latent_channels=shape_of(tensors, "quant_conv.weight")[0] // 2,
            sample_size=PIXELS,
            scaling_factor=SCALING_FACTOR,
        )
    ours = {
        first_stage_name(key, levels): _as_linear(key, tensor) for key, tensor in tensors.items()
    }
    return Part("backbone/vae", autoencoder, ours)


def first_stage_name(key: str, levels: int) -> str:
    """Diffusers' name; it counts the decoder's levels from the deepest, the official one back."""
    for level in range(levels):
        key = key.replace(f"decoder.up.{level}.", f"decoder.up_blocks.{levels - 1 - level}.")
    for official, ours in FIRST_STAGE_NAMES:
        key = key.replace(official, ours)
    return key


def text_encoder_part(tensors: Mapping[str, Tensor]) -> Part:
    """CLIP's text encoder, under the flat names of transformers 5.6 and later.

    Raises ValueError if a tensor that tells its size is missing.
    """
    tensors = {key.removeprefix("text_model."): tensor for key, tensor in tensors.items()}
    vocabulary, width = shape_of(tensors, "embeddings.token_embedding.weight")
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=shape_of(tensors, "encoder.layers.0.mlp.fc1.weight")[0],
        projection_dim=width,
        num_hidden_layers=_count(tensors, "encoder.layers."),
        num_attention_heads=max(1, width // TEXT_HEAD_WIDTH),
        max_position_embeddings=shape_of(tensors, "embeddings.position_embedding.weight")[0],
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=PADDING_TOKEN,
        architectures=["CLIPTextModel"],
    )
    with torch.device("meta"):
        encoder = CLIPTextModel(config)
    return Part("backbone/text_encoder", encoder, tensors, "model.safetensors")


def _as_linear(key: str, tensor: Tensor) -> Tensor:
    """The official attention has 1x1 convolutions where ours has linear layers."""
    if ".attn_1." in key and tensor.ndim == 4:
        return tensor.flatten(1)  # (out, in, 1, 1) -> (out, in)
    return tensor


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbers follow a prefix among the keys."""
    rests = (key.removeprefix(prefix) for key in tensors if key.startswith(prefix))
    return len({rest.split(".")[0] for rest in rests})
