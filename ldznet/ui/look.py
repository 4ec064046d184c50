"""What a visitor looks at: the controls that act on a finished comparison without a model run."""

from collections.abc import Sequence
from dataclasses import dataclass

VIEWS = {
    "overlay": "Overlay",
    "mask": "Mask",
    "heat": "Heat map",
    "contour": "Contours",
    "cutout": "Cut-out",
    "errors": "Errors",
}


@dataclass(frozen=True)
class Look:
    """How a comparison is shown."""

    view: str = "overlay"  # of VIEWS
    threshold: float = 0.5
    opacity: float = 0.45
    phrases: tuple[str, ...] | None = None  # those shown; None shows all
    left: str = "znet"  # the two networks laid over one another
    right: str = "ldznet"
    order: tuple[str, ...] | None = None  # phrases that take the colours; None: the comparison's


def read_look(
    view: str,
    threshold: float,
    opacity: float,
    phrases: Sequence[str] | None,
    left: str,
    right: str,
) -> Look:
    """The look that the page's controls say, rounded to their steps."""
    chosen = None if phrases is None else tuple(phrases)
    return Look(view, round(threshold, 2), round(opacity, 2), chosen, left, right)
