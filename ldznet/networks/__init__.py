"""The segmentation networks: those trained on a frozen backbone, and one that needs no training."""

from ldznet.networks.attention_baseline import AttentionBaseline
from ldznet.networks.base import WEIGHTS, SegmentationNetwork
from ldznet.networks.ldznet import LDZNet
from ldznet.networks.registry import BASELINES, NETWORKS, Network, find_networks, load_network
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
    "find_networks",
    "load_network",
]
