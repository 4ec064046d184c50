"""The shipped and other backbones, and whether a network fits one."""

import os
from pathlib import Path

import torch

from ldznet.backbone import LatentDiffusion
from ldznet.checkpoints.hub import find_folder
from ldznet.checkpoints.precision import AUTO
from ldznet.networks import SegmentationNetwork

ASSETS = Path(__file__).parents[2] / "assets"  # of the clone around the package, if it is in one
POCKET = "pocket"


def load_backbone(
    source: str | Path = POCKET, *, device: str | torch.device = AUTO, precision: str = AUTO
) -> LatentDiffusion:
    """The backbone alone; sources, choices and errors as of `Segmenter.from_pretrained`."""
    return LatentDiffusion.from_pretrained(
        find_assets(POCKET) if str(source) == POCKET else source,
        device=device,
        precision=precision,
    )


def find_assets(part: str) -> Path:
    """The folder of this name among the shipped assets, such as "networks/pocket".

    LDZNET_ASSETS says where they are, in a folder or at a hub id; without it, they are those of the
    clone around the package. Raises ValueError with one sentence if the part is not there.
    """
    source = os.environ.get("LDZNET_ASSETS") or ASSETS
    folder = find_folder(source, [f"{part}/*"])
    if folder is None or not (folder / part).is_dir():
        raise ValueError(
            f"'{part}' is not here: clone the repository and run from the clone, or set "
            "LDZNET_ASSETS to a clone's assets folder."
        )
    return folder / part


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
