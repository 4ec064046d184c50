"""Which networks there are for a backbone, and what to do about those that are not there."""

from collections.abc import Iterable
from pathlib import Path

from ldznet.checkpoints.hub import find_folder
from ldznet.networks import NETWORKS, WEIGHTS, SegmentationNetwork, load_network

HUB_FILES = [f"{name}/{file}" for name in NETWORKS for file in ("config.json", WEIGHTS)]


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
    found, missing = {}, {}
    for name in names:
        if folder is not None and (folder / name).is_dir():
            found[name] = load_network(folder / name)
        else:
            missing[name] = NETWORKS[name].remedy
    if folder is not None and not found:
        raise ValueError(
            f"'{folder.name}' holds none of the networks asked for; give a folder with a subfolder "
            f"per network ({', '.join(NETWORKS)})."
        )
    return found, missing


def _find(source: str | Path) -> Path:
    folder = find_folder(source, HUB_FILES)
    if folder is None:
        name = Path(source).name
        raise ValueError(f"There is no folder of networks '{name}'; check the path.")
    return folder
