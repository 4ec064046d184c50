"""Official U-Nets: the names of their tensors in diffusers' U-Net and in our networks, and sizes.

Source: the LDM and LD-ZNet U-Nets as their checkpoints name them (CompVis/stable-diffusion,
koutilya-pnvr/LD-ZNet), for the Stable Diffusion 1.x topology.
"""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from ldznet.checkpoints.official.whole import shape_of

LEVELS = 4
LAYERS = 2  # residual blocks per level on the way down; one more on the way up
HEADS = 8  # per level, in the configuration of Stable Diffusion 1.x; the tensors do not tell
HEAD_WIDTH = 64  # in that of 2.x, where the number of heads grows with the level's width
GROUPS = 32  # of every GroupNorm, likewise

RESNET = {
    "in_layers.0.": "norm1.",
    "in_layers.2.": "conv1.",
    "emb_layers.1.": "time_emb_proj.",
    "out_layers.0.": "norm2.",
    "out_layers.3.": "conv2.",
    "skip_connection.": "conv_shortcut.",
}

# Ours keeps the whole fusion inside the transformer block; the official pool sits beside it.
TRANSFORMER = {
    "attentionpool2D.positional_embedding": "transformer_blocks.0.pool.positions",
    "attentionpool2D.qkv_proj.": "transformer_blocks.0.pool.qkv.",
    "attentionpool2D.c_proj.": "transformer_blocks.0.pool.out.",
    "transformer_blocks.0.norm_sd.": "transformer_blocks.0.norm_ldm.",
    "transformer_blocks.": "transformer_blocks.",
    "norm.": "norm.",
    "proj_in.": "proj_in.",
    "proj_out.": "proj_out.",
}

OUTSIDE = {
    "time_embed.0.": "time_embedding.linear_1.",
    "time_embed.2.": "time_embedding.linear_2.",
    "input_blocks.0.0.": "conv_in.",
    "out.0.": "conv_norm_out.",
    "out.2.": "conv_out.",
}


def official_to_ours(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of our ZNet or LDZNet from an official segmentation U-Net.

    Keys come without the checkpoint's prefix (`model.diffusion_model.`). Raises ValueError naming
    the keys that have no place in our networks; loading the result strictly names what is missing.
    """
    head = {key: tensor for key, tensor in state_dict.items() if key.startswith("final.")}
    unet = {key: tensor for key, tensor in state_dict.items() if key not in head}
    ours = {f"unet.{key}": tensor for key, tensor in official_to_diffusers(unet).items()}
    return ours | {key.replace("final.", "head.", 1): tensor for key, tensor in head.items()}


def to_official(key: str) -> str:
    """The official key of a tensor of our ZNet or LDZNet: the way back of `official_to_ours`.

    A tensor that only ours have (RGBNet's stem) keeps its name.
    """
    if key.startswith("head."):
        return key.replace("head.", "final.", 1)
    key = key.removeprefix("unet.")
    for official, ours in _PREFIXES.items():
        if key.startswith(ours):
            return official + key.removeprefix(ours)
    return key


def official_to_diffusers(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a `UNet2DConditionModel` from an official U-Net without a mask head.

    Keys come without the checkpoint's prefix, as for `official_to_ours`, with the same error.
    """
    renamed: dict[str, Tensor] = {}
    unknown: list[str] = []
    for key, tensor in state_dict.items():
        ours = _rename(key)
        if ours is None:
            unknown.append(key)
        else:
            renamed[ours] = _reshape(key, tensor)
    if unknown:
        raise ValueError(
            f"These {len(unknown)} tensors belong to no U-Net of Stable Diffusion 1.x or LD-ZNet: "
            f"{', '.join(unknown)}; give the U-Net's tensors alone, without their prefix."
        )
    return renamed


def unet_size(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Widths, text width, heads and groups of an official U-Net, in diffusers' words.

    Raises ValueError if a tensor that tells a size is missing, or for widths of another topology.
    """
    convolutions = [
        f"input_blocks.{1 + 3 * level}.0.out_layers.3.weight" for level in range(LEVELS)
    ]
    widths = tuple(shape_of(tensors, key)[0] for key in convolutions)
    if any(width % GROUPS for width in widths):
        raise ValueError(
            f"The U-Net's widths are {', '.join(map(str, widths))}; those of Stable Diffusion 1.x "
            f"topology are multiples of {GROUPS}."
        )
    text = shape_of(tensors, "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight")[1]
    return {
        "block_out_channels": widths,
        "cross_attention_dim": text,
        "attention_head_dim": HEADS,
        "norm_num_groups": GROUPS,
    }


def is_second_generation(tensors: Mapping[str, Tensor]) -> bool:
    """Whether an official U-Net is that of Stable Diffusion 2.x: its projections are linear."""
    return len(shape_of(tensors, "input_blocks.1.1.proj_in.weight")) == 2


def build_unet(
    tensors: Mapping[str, Tensor], pixels: int = 512
) -> tuple[UNet2DConditionModel, dict[str, Tensor]]:
    """The U-Net of Stable Diffusion 1.x or 2.x on the meta device, and its tensors by our names.

    Keys come without the checkpoint's prefix; `pixels` is the native side, which no tensor tells.
    Raises ValueError if a tensor that tells the size is missing, or for keys without a place.
    """
    size = unet_size(tensors)
    if is_second_generation(tensors):
        heads = tuple(max(1, width // HEAD_WIDTH) for width in size["block_out_channels"])
        # Upcast: unfused attention of 2.1 overflows half precision (its published configuration).
        size |= {
            "attention_head_dim": heads,
            "use_linear_projection": True,
            "upcast_attention": True,
        }
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=pixels // 8, **size)
    return unet, official_to_diffusers(tensors)


def _rename(key: str) -> str | None:
    for official, ours in _PREFIXES.items():
        if key.startswith(official):
            return ours + key.removeprefix(official)
    return None


def _reshape(key: str, tensor: Tensor) -> Tensor:
    """Ours holds positions row by row, and linear layers where the official pool has 1x1 Conv1d."""
    if key.endswith("attentionpool2D.positional_embedding"):
        return tensor.T.contiguous()  # (C, 1+grid*grid) -> (1+grid*grid, C)
    if "attentionpool2D." in key and key.endswith(".weight"):
        return tensor.squeeze(-1)  # (out, in, 1) -> (out, in)
    return tensor


def _build_prefixes() -> dict[str, str]:
    """Every official module's name, with a final dot, and ours for it."""
    prefixes = dict(OUTSIDE)

    def resnet(official: str, ours: str) -> None:
        prefixes.update({f"{official}.{a}": f"{ours}.{b}" for a, b in RESNET.items()})

    def transformer(official: str, ours: str) -> None:
        prefixes.update({f"{official}.{a}": f"{ours}.{b}" for a, b in TRANSFORMER.items()})

    for level in range(LEVELS):
        for layer in range(LAYERS):
            number = 1 + level * (LAYERS + 1) + layer
            resnet(f"input_blocks.{number}.0", f"down_blocks.{level}.resnets.{layer}")
            if level < LEVELS - 1:  # the deepest level has no attention
                transformer(f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{layer}")
        if level < LEVELS - 1:
            number = (level + 1) * (LAYERS + 1)
            prefixes[f"input_blocks.{number}.0.op."] = f"down_blocks.{level}.downsamplers.0.conv."
    resnet("middle_block.0", "mid_block.resnets.0")
    transformer("middle_block.1", "mid_block.attentions.0")
    resnet("middle_block.2", "mid_block.resnets.1")
    for level in range(LEVELS):  # on the way up, from the deepest
        for layer in range(LAYERS + 1):
            number = level * (LAYERS + 1) + layer
            resnet(f"output_blocks.{number}.0", f"up_blocks.{level}.resnets.{layer}")
            if level > 0:
                transformer(f"output_blocks.{number}.1", f"up_blocks.{level}.attentions.{layer}")
        if level < LEVELS - 1:
            # The upsampler follows the level's last block, after its attention if it has one.
            place = f"output_blocks.{number}.{1 if level == 0 else 2}.conv."
            prefixes[place] = f"up_blocks.{level}.upsamplers.0.conv."
    return prefixes


_PREFIXES = _build_prefixes()
