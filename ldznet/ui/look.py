"""What a visitor looks at: the controls that act on a finished comparison without a model run."""

from collections.abc import Sequence
from dataclasses import dataclass

from ldznet.networks import NETWORKS, AttentionBaseline
from ldznet.peers import PEERS
from ldznet.ui.comparison import OWN

VIEWS = {
    "overlay": "Overlay",
    "mask": "Mask",
    "heat": "Heat map",
    "contour": "Contours",
    "cutout": "Cut-out",
    "errors": "Errors",
}

# What can stand beside one another, by name: its title for people.
COLUMNS = {
    **{name: network.title for name, network in NETWORKS.items()},
    AttentionBaseline.name: AttentionBaseline.title,
    **{name: peer.title for name, peer in PEERS.items()},
    OWN: "Own mask",
}
FIRST_COLUMNS = tuple(NETWORKS)  # those shown until the visitor chooses


@dataclass(frozen=True)
class Look:
    """How a comparison is shown."""

    view: str = "overlay"  # of VIEWS
    threshold: float = 0.5
    opacity: float = 0.45
    phrases: tuple[str, ...] | None = None  # those shown; None shows all
    columns: tuple[str, ...] | None = None  # networks shown, in this order; None shows all found
    left: str = "znet"  # the two networks laid over one another
    right: str = "ldznet"
    order: tuple[str, ...] | None = None  # phrases that take the colours; None: the comparison's


def read_look(
    view: str,
    threshold: float,
    opacity: float,
    phrases: Sequence[str] | None,
    columns: Sequence[str],
    left: str,
    right: str,
) -> Look:
    """The look that the page's controls say, rounded to their steps, columns in their order."""
    chosen = None if phrases is None else tuple(phrases)
    ordered = tuple(name for name in COLUMNS if name in columns)
    return Look(view, round(threshold, 2), round(opacity, 2), chosen, ordered, left, right)
