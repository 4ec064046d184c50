"""The frozen model of a checkpoint as parts to write: U-Net, first stage and text encoder."""

from collections.abc import Mapping

from torch import Tensor

from ldznet.checkpoints.conversion.part import Part
from ldznet.checkpoints.official.first_stage import build_first_stage
from ldznet.checkpoints.official.text_encoder import build_text_encoder
from ldznet.checkpoints.official.unet import build_unet


def unet_part(tensors: Mapping[str, Tensor]) -> Part:
    """The diffusion model's U-Net; raises ValueError if a tensor that tells its size is missing."""
    return Part("backbone/unet", *build_unet(tensors))


def first_stage_part(tensors: Mapping[str, Tensor]) -> Part:
    """The autoencoder; raises ValueError if a tensor that tells its size is missing."""
    return Part("backbone/vae", *build_first_stage(tensors))


def text_encoder_part(tensors: Mapping[str, Tensor]) -> Part:
    """CLIP's text encoder; raises ValueError if a tensor that tells its size is missing."""
    return Part("backbone/text_encoder", *build_text_encoder(tensors), "model.safetensors")
