"""Starts a finer model from a trained coarser one: resolution grows, what is known stays."""

import re

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from ldznet.backbone.pocket import PatchAutoencoder

_LEVEL = re.compile(r"(down_blocks|up_blocks)\.(\d)\.")
_DEEPER = {"down_blocks": 1, "up_blocks": -1}  # levels are counted inwards on the way down
_INSIDE = ("down_blocks.", "mid_block.", "up_blocks.")


@torch.no_grad()
def halve_patch(coarse: PatchAutoencoder) -> PatchAutoencoder:
    """An autoencoder of half the patch, so twice as many latents along a side.

    It encodes as `coarse` encodes the picture enlarged twofold (each pixel repeated), and decodes
    to the mean of each 2 x 2 pixels of what `coarse` decodes to.
    """
    patch = coarse.patch
    channels = 3 * (patch // 2) ** 2
    config = dict(coarse.config) | {"in_channels": channels, "out_channels": channels}
    config["sample_size"] = 2 * coarse.config.sample_size
    fine = PatchAutoencoder.from_config(config)
    state = coarse.state_dict()

    def quarters(tensor: Tensor, axis: int) -> Tensor:
        """The channels of a patch, row by row, as (3, patch / 2, 2, patch / 2, 2) from `axis`."""
        return tensor.unflatten(axis, (3, patch // 2, 2, patch // 2, 2))

    name = "encoder.conv_in.weight"
    state[name] = quarters(state[name], 1).sum(dim=(3, 5)).flatten(1, 3)
    for name in ("decoder.conv_out.weight", "decoder.conv_out.bias"):
        state[name] = quarters(state[name], 0).mean(dim=(2, 4)).flatten(0, 2)
    fine.load_state_dict(state)
    return fine


def nest(inner: UNet2DConditionModel, outer: UNet2DConditionModel) -> tuple[str, ...]:
    """Copy the levels of `inner` one level deeper into `outer`, wherever shapes match.

    Level n of the inner U-Net and level n + 1 of the outer see the same grid, so that blocks 11 to
    13, of stride 2, become blocks 8 to 10, of stride 4. The inner one's coarsest level is dropped.
    The outer one's finest level, its time embedding, and what meets them, stay as they are; their
    names are returned. After Matryoshka diffusion (Gu et al., 2023, arXiv 2310.15111), where a
    small U-Net becomes the inside of a large one.
    """
    own = outer.state_dict()
    fitting = {}
    for name, tensor in inner.state_dict().items():
        deeper = _LEVEL.sub(_move, name)
        if deeper.startswith(_INSIDE) and deeper in own and own[deeper].shape == tensor.shape:
            fitting[deeper] = tensor
    outer.load_state_dict(fitting, strict=False)
    return tuple(name for name in own if name not in fitting)


def _move(place: re.Match[str]) -> str:
    kind, level = place[1], int(place[2])
    return f"{kind}.{level + _DEEPER[kind]}."
