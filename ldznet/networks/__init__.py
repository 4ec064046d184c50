"""The segmentation networks: those trained on a frozen backbone, and one that needs no training."""

import json
from pathlib import Path

from ldznet.networks.attention_baseline import AttentionBaseline
from ldznet.networks.base import SegmentationNetwork
from ldznet.networks.ldznet import LDZNet
from ldznet.networks.rgbnet import RGBNet
from ldznet.networks.znet import ZNet

__all__ = [
    "NETWORKS",
    "AttentionBaseline",
    "LDZNet",
    "Network",
    "RGBNet",
    "SegmentationNetwork",
    "ZNet",
    "load_network",
]

Network = SegmentationNetwork | AttentionBaseline

# Those that are trained, and so need weights.
NETWORKS: dict[str, type[SegmentationNetwork]] = {
    network.name: network for network in (RGBNet, ZNet, LDZNet)
}

WEIGHTS = "diffusion_pytorch_model.safetensors"


def load_network(folder: str | Path) -> SegmentationNetwork:
    """The network saved in a folder by `save_pretrained`, of whichever kind it is, ready to run.

    Raises ValueError, naming what is wrong and what to do, if the folder is missing or not a
    network's, or if its weights are missing, damaged or those of another network.
    """
    folder = Path(folder)
    network = _read_kind(folder)
    if not (folder / WEIGHTS).is_file():
        raise ValueError(
            f"The network folder '{folder.name}' has no weights ({WEIGHTS}); "
            "copy them there or train the network again."
        )
    try:
        loaded, report = network.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except Exception as error:  # safetensors, torch and diffusers each raise kinds of their own
        raise ValueError(
            f"The weights in '{folder.name}' cannot be read as those of {network.title} with that "
            "folder's config.json; copy them again or train the network again."
        ) from error
    wrong = [name for names in report.values() for name in names]
    if wrong:
        raise ValueError(
            f"The weights in '{folder.name}' do not fit its config.json ({len(wrong)} tensors are "
            "missing, left over or of another shape); copy the folder again as a whole."
        )
    return loaded


def _read_kind(folder: Path) -> type[SegmentationNetwork]:
    if not folder.is_dir():
        raise ValueError(
            f"There is no network folder '{folder.name}'; give a folder with config.json and "
            f"{WEIGHTS}, as written by training."
        )
    try:
        kind = json.loads((folder / "config.json").read_text())["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"The folder '{folder.name}' holds no network: its config.json is missing or names no "
            f"kind; give a folder with config.json and {WEIGHTS}."
        ) from error
    kinds = {network.__name__: network for network in NETWORKS.values()}
    if kind not in kinds:
        raise ValueError(
            f"The folder '{folder.name}' holds no segmentation network but {kind}; "
            f"give a folder of {', '.join(kinds)}."
        )
    return kinds[kind]
