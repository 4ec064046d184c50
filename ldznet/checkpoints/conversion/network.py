"""The segmentation network of a checkpoint: which it is, how large, and its averaged weights."""

import math
import re
from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from ldznet.blocks import UNET_STRIDE
from ldznet.checkpoints.conversion.part import Part
from ldznet.checkpoints.official.unet import (
    GROUPS,
    LEVELS,
    official_to_ours,
    to_official,
    unet_size,
)
from ldznet.checkpoints.official.whole import shape_of
from ldznet.networks import NETWORKS, LDZNet, RGBNet

SAMPLE_SIZE = 48  # latent cells of the paper's 384 pixels, where no position table tells
POSITIONS = "middle_block.1.attentionpool2D.positional_embedding"  # (C, 1 + grid * grid)
STEM = "stem."


def is_segmentation(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a U-Net under its official keys ends in one map or a mask head, not in a noise."""
    output = tensors.get("out.2.weight")
    one_map = output is not None and output.shape[0] == 1
    return one_map or any(key.startswith("final.") for key in tensors)


def original_keys(averages: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> dict[str, str]:
    """The official key of every average that has one, by the average's own (without dots).

    Averages are kept under `diffusion_model.<key>` with its dots taken out. The keys are known
    also where the weights as trained are not in the checkpoint.
    """
    known = {
        f"diffusion_model.{key}".replace(".", ""): key for key in (*_possible_keys(), *trained)
    }
    return {name: known[name] for name in averages if name in known}


@cache
def _possible_keys() -> tuple[str, ...]:
    # Where two levels differ in width a residual block has one tensor more; here all do.
    widths = tuple(GROUPS * (level + 1) for level in range(LEVELS))
    with torch.device("meta"):
        networks = [build(block_out_channels=widths) for build in (LDZNet, RGBNet)]
    names = dict.fromkeys(name for network in networks for name in network.state_dict())
    return tuple(to_official(name) for name in names)


def network_part(tensors: Mapping[str, Tensor]) -> Part:
    """The network with these tensors, given by their official keys without the prefix.

    RGBNet is not in the official code: its U-Net and head are taken under the official keys, its
    stem under ours. Raises ValueError for keys that no network has, or if a tensor that tells the
    network's size is missing.
    """
    stem = {key: tensor for key, tensor in tensors.items() if key.startswith(STEM)}
    ours = official_to_ours({key: tensors[key] for key in tensors if key not in stem}) | stem
    kind = "znet"
    if any(".attentionpool2D." in key for key in tensors):
        kind = LDZNet.name
    elif stem:
        kind = RGBNet.name
    size = unet_size(tensors)
    with torch.device("meta"):
        network = NETWORKS[kind](**size, sample_size=_sample_size(tensors), factor=_factor(tensors))
    return Part(kind, network, ours)


def _sample_size(tensors: Mapping[str, Tensor]) -> int:
    if POSITIONS not in tensors:
        return SAMPLE_SIZE
    return math.isqrt(shape_of(tensors, POSITIONS)[1] - 1) * UNET_STRIDE


def _factor(tensors: Mapping[str, Tensor]) -> int:
    """Pixels per latent cell: every second layer of the head is a doubling or a convolution."""
    layers = [key for key in tensors if re.fullmatch(r"final\.\d+\.weight", key)]
    return 2 ** (len(layers) // 2)
