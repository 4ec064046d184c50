"""Which networks there are, and how those that are trained come from disk or hub.

A new one registers here, in `NETWORKS` or `BASELINES`: columns, colours and documents follow.
"""

from collections.abc import Iterable
from pathlib import Path

from ldznet.checkpoints.hub import find_folder
from ldznet.networks.attention_baseline import AttentionBaseline
from ldznet.networks.base import WEIGHTS, SegmentationNetwork, read_kind
from ldznet.networks.ldznet import LDZNet
from ldznet.networks.rgbnet import RGBNet
from ldznet.networks.znet import ZNet

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


def find_networks(
    source: str | Path | None, names: Iterable[str]
) -> tuple[dict[str, SegmentationNetwork], dict[str, str]]:
    """The networks of these names that `source` holds, and for each other how to get its weights.

    `source` is a folder with a subfolder per network, a hub id ("owner/name", with "@revision" if
    need be) of the same layout, or None, which holds none. Raises ValueError if it is neither,
    cannot be fetched, holds none of them, or what it holds is damaged.
    """
    names = tuple(names)
    folder = None if source is None or not names else _find(source)
    networks, missing = {}, {}
    for name in names:
        if folder is not None and (folder / name).is_dir():
            networks[name] = load_network(folder / name)
        else:
            missing[name] = NETWORKS[name].remedy
    if folder is not None and not networks:
        raise ValueError(
            f"'{folder.name}' holds none of the networks asked for; give a folder with a subfolder "
            f"per network ({', '.join(NETWORKS)})."
        )
    return networks, missing


def _find(source: str | Path) -> Path:
    files = [f"{name}/{file}" for name in NETWORKS for file in ("config.json", WEIGHTS)]
    folder = find_folder(source, files)
    if folder is None:
        name = Path(source).name
        raise ValueError(f"There is no folder of networks '{name}'; check the path.")
    return folder
