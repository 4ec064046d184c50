"""The segmentation networks: those trained on a frozen backbone, and one that needs no training."""

from pathlib import Path

from ldznet.networks.attention_baseline import AttentionBaseline
from ldznet.networks.base import WEIGHTS, SegmentationNetwork, read_kind
from ldznet.networks.ldznet import LDZNet
from ldznet.networks.rgbnet import RGBNet
from ldznet.networks.znet import ZNet

__all__ = [
    "BASELINES",
    "NETWORKS",
    "WEIGHTS",
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

# Those that need none.
BASELINES: dict[str, type[AttentionBaseline]] = {AttentionBaseline.name: AttentionBaseline}


def load_network(folder: str | Path) -> SegmentationNetwork:
    """The network saved in a folder by `save_pretrained`, of whichever kind it is, ready to run.

    Raises ValueError, naming what is wrong and what to do, if the folder is missing or not a
    network's, or if its weights are missing, damaged or those of another network.
    """
    folder = Path(folder)
    kind = read_kind(folder)
    kinds = {network.__name__: network for network in NETWORKS.values()}
    if kind not in kinds:
        raise ValueError(
            f"The folder '{folder.name}' holds no segmentation network but {kind}; "
            f"give a folder of {', '.join(kinds)}."
        )
    return kinds[kind].from_pretrained(folder)
