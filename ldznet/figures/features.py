"""Features as colours: crisp cells for the page, and strips to keep."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.enlarging import display_scale, enlarge_cells, enlarge_picture
from ldznet.figures.settings import settings_line
from ldznet.figures.sheet import Panel, Section, build_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 6


def draw_features(colours: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: colours (h, w, 3) in [0, 1], every cell a crisp block."""
    return enlarge_cells(np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8), height, width)


def features_figure(
    image: np.ndarray,
    title: str,
    labels: Sequence[str],
    colours: Sequence[np.ndarray],
    explained: Iterable[float],
    *,
    phrase: str,
    blocks: Sequence[int] = (),
    timestep: int | None = None,
    seed: int,
) -> "Figure":
    """The picture and a panel per label, colours (h, w, 3) in [0, 1] of one basis for all.

    `explained` is the share of the variance that red, green and blue each stand for.
    """
    picture = enlarge_picture(image, display_scale(image, 300))
    panels = [Panel(picture, "picture")]
    for label, each in zip(labels, colours, strict=True):
        cells = f"{each.shape[1]} × {each.shape[0]}"
        panels.append(Panel(draw_features(each, *picture.shape[:2]), label, cells))
    shares = ", ".join(f"{share:.0%}".replace("%", " %") for share in explained)
    return build_sheet(
        title,
        settings_line(phrase=phrase, blocks=blocks, timestep=timestep, seed=seed),
        [Section(panels)],
        columns=_COLUMNS,
        side=1.7,
        footnote="Red, green and blue are the first three components, the same ones in every "
        f"panel; they tell {shares} of the variance.",
    )
