"""Which models have the sixteen blocks of `ldznet.blocks`, and what to say of the others."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ldznet.checkpoints.official import UNET

# The configuration that makes a U-Net's sixteen blocks those of `ldznet.blocks`, and its output
# depend on nothing but latents, timestep and text.
UNET_CONFIGURATION: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "layers_per_block": 2,
    "transformer_layers_per_block": 1,
    "dual_cross_attention": False,
    "only_cross_attention": False,
    "addition_embed_type": None,
    "class_embed_type": None,
    "num_class_embeds": None,
    "encoder_hid_dim": None,
}
# What diffusers assumes where a configuration of an older version is silent.
DEFAULTS = {
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "transformer_layers_per_block": 1,
    "dual_cross_attention": False,
    "only_cross_attention": False,
}

# Beginnings of keys that only checkpoints of another kind have.
OTHERS = {
    "conditioner.embedders.": "Stable Diffusion XL",
    f"{UNET}label_emb.": "a diffusion model that also reads classes or sizes",
    f"{UNET}joint_blocks.": "Stable Diffusion 3",
    f"{UNET}double_blocks.": "Flux",
    "double_blocks.": "Flux",
    "control_model.": "a ControlNet",
    "lora_": "a LoRA, which only changes another model",
    "sd_features_stage_model.": "a training of LD-ZNet, which 'ldznet convert' reads as a .ckpt",
}
FIRST_CONVOLUTION = f"{UNET}input_blocks.0.0.weight"


def check_unet(configuration: Mapping[str, Any], name: str) -> None:
    """Raises ValueError unless a U-Net's configuration is of Stable Diffusion 1.x or 2.x."""
    for key, wanted in UNET_CONFIGURATION.items():
        found = configuration.get(key, DEFAULTS.get(key))
        if found != wanted:
            raise refusal(name, f"its U-Net has {key} {found}, expected {wanted}")


def check_keys(tensors: Mapping[str, Tensor], name: str) -> None:
    """Raises ValueError unless a checkpoint's tensors look like Stable Diffusion 1.x or 2.x."""
    for beginning, kind in OTHERS.items():
        if any(key.startswith(beginning) for key in tensors):
            raise refusal(name, f"it is {kind}")
    first = tensors.get(FIRST_CONVOLUTION)
    if first is None:
        raise refusal(name, f"it has no '{FIRST_CONVOLUTION}'")
    channels = first.shape[1]
    if channels != UNET_CONFIGURATION["in_channels"]:
        kind = " (for inpainting)" if channels == 9 else ""
        raise refusal(name, f"its U-Net has in_channels {channels}{kind}, expected 4")


def refusal(name: str, why: str) -> ValueError:
    """The error that a model is of another kind."""
    return ValueError(
        f"'{name}' is not a model of Stable Diffusion 1.x or 2.x topology: {why}; "
        "choose another, such as CompVis/stable-diffusion-v1-4."
    )
