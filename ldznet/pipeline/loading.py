"""The shipped and other backbones, and whether a network fits one."""

from pathlib import Path

import torch

from ldznet.backbone import LatentDiffusion
from ldznet.checkpoints.precision import AUTO
from ldznet.networks import SegmentationNetwork

ASSETS = Path(__file__).parents[2] / "assets"
POCKET = "pocket"


def load_backbone(
    source: str | Path = POCKET, *, device: str | torch.device = AUTO, precision: str = AUTO
) -> LatentDiffusion:
    """The backbone alone; sources, choices and errors as of `Segmenter.from_pretrained`."""
    return LatentDiffusion.from_pretrained(
        ASSETS / POCKET if str(source) == POCKET else source, device=device, precision=precision
    )


def misfit(name: str, network: SegmentationNetwork, backbone: LatentDiffusion) -> str | None:
    """Why a network cannot run on a backbone, in one sentence; None if it can."""
    unet = backbone.unet.config
    pairs = {
        "text width": (network.config["cross_attention_dim"], unet.cross_attention_dim),
        "pixels per latent cell": (network.config["factor"], backbone.factor),
    }
    if network.reading:
        channels = network.config["block_out_channels"], unet.block_out_channels
        pairs["channels of the features"] = (tuple(channels[0]), tuple(channels[1]))
    for what, (has, needs) in pairs.items():
        if has != needs:
            return (
                f"The network '{name}' was made for another backbone: its {what} is {has}, "
                f"this backbone's is {needs}."
            )
    return None
