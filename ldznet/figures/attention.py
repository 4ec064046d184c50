"""Attention over a picture, as plain pictures and as figures to keep."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.enlarging import (
    display_scale,
    enlarge_cells,
    enlarge_map,
    enlarge_picture,
)
from ldznet.figures.lettering import numeral
from ldznet.figures.maps import draw_heat
from ldznet.figures.settings import settings_line
from ldznet.figures.sheet import Bar, Panel, Section, build_sheet, share_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_VEIL = 0.5  # share of the map's colour where it is zero; at its highest nothing else is left
_RADIUS = 7.0  # pixels of the enlarged picture, of the ring round a point
_COLUMNS = 6


def draw_attention(
    image: np.ndarray, values: np.ndarray, *, high: float | None = None, scale: int = 1
) -> np.ndarray:
    """(H x scale, W x scale, 3) uint8: a map (h, w), not negative, as heat over a grey picture.

    `image` is (H, W, 3) uint8; the map is enlarged smoothly. The colours run from 0 to `high`, by
    default the map's maximum.
    """
    picture = enlarge_picture(image, scale)
    high = highest(values) if high is None else high
    return _lay_over(picture, enlarge_map(values, *picture.shape[:2]) / high)


def draw_point_map(
    image: np.ndarray, values: np.ndarray, x: float, y: float, *, scale: int = 1
) -> np.ndarray:
    """(H x scale, W x scale, 3) uint8: the attention (h, w) of one point, marked, in crisp cells.

    x, y are in pixels of the image (H, W, 3); the colours run from 0 to `point_high` of the map.
    """
    picture = enlarge_picture(image, scale)
    cells = enlarge_cells(values, *picture.shape[:2])
    return mark_point(_lay_over(picture, cells / point_high(values)), x, y, scale)


def point_high(values: np.ndarray) -> float:
    """Where the colours of a point's map end: its maximum, but at least twice even attention.

    So a point that prefers no cell gives an even map of middling colours, not a glaring one.
    """
    return max(float(values.max()), 2 / values.size)


def _lay_over(picture: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Heat of shares (H, W) in [0, 1] over the grey picture, the less of it the hotter."""
    opacity = _VEIL + (1 - _VEIL) * np.clip(shares, 0, 1)[..., None]
    grey = (picture @ _LUMA)[..., None]
    return np.round(draw_heat(shares) * opacity + grey * (1 - opacity)).astype(np.uint8)


def mark_point(picture: np.ndarray, x: float, y: float, scale: int = 1) -> np.ndarray:
    """A copy of a picture (H, W, 3) uint8 with a white ring, cased in black, round a pixel.

    The picture may be an enlarged one: x, y count in pixels of `scale` x `scale` of its own.
    """
    rows, columns = np.ogrid[: picture.shape[0], : picture.shape[1]]
    distance = np.hypot(columns + 0.5 - (x + 0.5) * scale, rows + 0.5 - (y + 0.5) * scale)
    from_ring = np.abs(distance - _RADIUS)[..., None]
    marked = picture.astype(float)
    for half_width, colour in ((3, 0), (1.5, 255)):
        opacity = np.clip(half_width + 0.5 - from_ring, 0, 1)
        marked = colour * opacity + marked * (1 - opacity)
    return np.round(marked).astype(np.uint8)


def highest(*maps: np.ndarray) -> float:
    """The highest value of some maps, or 1 if all are zero, so that it can be divided by."""
    return max((float(values.max()) for values in maps), default=0) or 1.0


def words_figure(
    image: np.ndarray,
    words: Sequence[str],
    maps: np.ndarray,
    special: Sequence[bool],
    *,
    phrase: str,
    blocks: Sequence[int],
    timestep: int,
    seed: int,
    common: bool = False,
) -> "Figure":
    """A panel per token, its map (n, h, w) over the picture; start and end, flagged special, apart.

    Every panel has its own range, from 0 to the maximum told over it: words differ widely in how
    much attention they draw, and each is to show where. With a `common` range panels show how much,
    the words on one scale, start and end on another.
    """
    many, flags = len(words) > 5, np.asarray(special, bool)
    scale = display_scale(image, 300 if many else 512)
    sections = []
    for chosen, heading in ((~flags, ""), (flags, "Start and end of the text")):
        high = highest(*maps[chosen]) if common else None
        panels = [
            Panel(
                draw_attention(image, maps[number], high=high, scale=scale),
                words[number],
                f"max {numeral(maps[number].max(), 2)}",
            )
            for number in np.flatnonzero(chosen).tolist()
        ]
        bar = Bar(high, "attention") if high else Bar(1, "share of the maximum")
        sections.append(Section(share_bar(panels, bar, _COLUMNS), heading))
    return build_sheet(
        "Where the diffusion model sees each word",
        settings_line(phrase=phrase, blocks=blocks, timestep=timestep, seed=seed),
        sections,
        columns=_COLUMNS,
        side=1.7 if many else 2.4,  # few need not be small
        footnote="Cross-attention: the share of its attention that each place of the picture gives "
        "to a word; mean over heads and blocks.",
    )


def point_figure(
    image: np.ndarray,
    x: float,
    y: float,
    maps: Mapping[str, np.ndarray],
    *,
    phrase: str,
    blocks: Sequence[int],
    timestep: int,
    seed: int,
    footnote: str = "",
) -> "Figure":
    """The picture with a point (x, y in its pixels) marked, and what each map (h, w) sees there.

    `maps` go by their captions; each has its own colour bar.
    """
    scale = display_scale(image)
    panels = [Panel(mark_point(enlarge_picture(image, scale), x, y, scale), "picture")]
    for caption, values in maps.items():
        picture = draw_point_map(image, values, x, y, scale=scale)
        panels.append(Panel(picture, caption, bar=Bar(point_high(values), "attention")))
    return build_sheet(
        f"Where the point ({x:g}, {y:g}) looks",
        settings_line(phrase=phrase, blocks=blocks, timestep=timestep, seed=seed),
        [Section(panels)],
        columns=3,
        side=2.7,
        footnote=footnote,
    )
