"""Views of the inside, drawn: attention, features, the latent, and the lesson's six steps.

As plain pictures for the page, and as figures to keep.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.pictures import (
    display_scale,
    draw_heat,
    draw_overlay,
    draw_signed,
    enlarge,
    enlarge_cells,
    enlarge_map,
    enlarge_picture,
)
from ldznet.figures.sheet import (
    Bar,
    Panel,
    Section,
    build_sheet,
    numeral,
    settings_line,
    share_bar,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_VEIL = 0.5  # share of the map's colour where it is zero; at its highest nothing else is left
_RADIUS = 7.0  # pixels of the enlarged picture, of the ring round a point
_COLUMNS = 6
_RULE = 3  # pixels of white on either side of the middle, between channels


# Attention: words and points.


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


# Features.


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


# The latent and its noise, and what text changes in it.


def draw_channel(channel: np.ndarray, extent: float, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: a channel (h, w) from blue (-`extent`) to red, in crisp cells."""
    return enlarge_cells(draw_signed(channel, extent), height, width)


def draw_channels(latents: np.ndarray, extent: float, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: the four channels of latents (4, h, w), two above two."""
    upper, lower = np.concatenate(latents[:2], axis=1), np.concatenate(latents[2:], axis=1)
    drawn = draw_channel(np.concatenate([upper, lower]), extent, height, width)
    drawn[height // 2 - _RULE : height // 2 + _RULE] = 255
    drawn[:, width // 2 - _RULE : width // 2 + _RULE] = 255
    return drawn


def draw_difference(difference: np.ndarray, *, high: float | None = None) -> np.ndarray:
    """(H, W, 3) uint8: differences (H, W), not negative, as heat from 0 to `high`, or their top."""
    return draw_heat(difference, highest(difference) if high is None else high)


def reach(*arrays: np.ndarray) -> float:
    """The largest magnitude in some arrays, or 1 if all are zero: the extent of a signed map."""
    return highest(*(np.abs(array) for array in arrays))


def latent_figure(
    image: np.ndarray,
    channels: np.ndarray,
    reconstruction: np.ndarray,
    difference: np.ndarray,
    psnr: float,
) -> "Figure":
    """The channels (4, h, w); below, picture, reconstruction (H, W, 3) and difference (H, W)."""
    scale = display_scale(image)
    picture = enlarge_picture(image, scale)
    extent, high = reach(channels), highest(difference)
    cells = [
        Panel(draw_channel(channel, extent, *picture.shape[:2]), f"channel {number}")
        for number, channel in enumerate(channels, start=1)
    ]
    pixels = [
        Panel(picture, "picture"),
        Panel(
            enlarge_picture(reconstruction, scale),
            "reconstruction",
            f"PSNR {psnr:.1f} dB".replace("inf", "∞"),
        ),
        Panel(
            enlarge_cells(draw_difference(difference, high=high), *picture.shape[:2]),
            "difference",
            bar=Bar(high, "difference"),
        ),
    ]
    height, width = channels.shape[1:]
    return build_sheet(
        "The latent",
        f"four channels of {width} × {height} cells for {image.shape[1]} × {image.shape[0]} pixels",
        [Section(share_bar(cells, Bar(extent, "latent", signed=True), 4)), Section(pixels)],
        columns=4,
        side=2.2,
        footnote="The networks that read the latent see the picture only through these channels; "
        "the reconstruction shows what they still hold of it.",
    )


def text_change_figure(
    image: np.ndarray, change: np.ndarray, *, phrase: str, timestep: int, seed: int
) -> "Figure":
    """The picture and the map (h, w) of how much the phrase changes the noise estimate, over it."""
    scale = display_scale(image)
    high = highest(change)
    panels = [
        Panel(enlarge_picture(image, scale), "picture"),
        Panel(
            draw_attention(image, change, high=high, scale=scale),
            "change",
            bar=Bar(high, "norm of the difference"),
        ),
    ]
    return build_sheet(
        "What the text changes",
        settings_line(phrase=phrase, timestep=timestep, seed=seed),
        [Section(panels)],
        columns=2,
        side=2.9,
        footnote="How far the noise estimate with the phrase lies from the one without, over the "
        "latent’s four channels.",
    )


# From picture to mask.


def lesson_figure(
    image: np.ndarray,
    latents: np.ndarray,
    noisy: np.ndarray,
    features: np.ndarray,
    fusion: np.ndarray,
    point: tuple[float, float],
    mask: np.ndarray,
    *,
    phrase: str,
    block: int,
    timestep: int,
    seed: int,
) -> "Figure":
    """Picture (H, W, 3), latents and noisy latents (4, h, w), features, fusion map, mask (H, W).

    Features are colours (h, w, 3) in [0, 1], the fusion map (h, w) is that of `point`, (x, y) in
    pixels of the picture; features and fusion are those of one block.
    """
    scale = display_scale(image)
    picture = enlarge_picture(image, scale)
    size = picture.shape[:2]
    looked = draw_point_map(image, fusion, *point, scale=scale)
    first, second = (
        Panel(
            draw_channels(each, reach(each), *size), caption, bar=Bar(reach(each), "latent", True)
        )
        for each, caption in ((latents, "2  latent"), (noisy, "3  latent with noise"))
    )
    panels = [
        Panel(picture, "1  picture"),
        first,
        second,
        Panel(draw_features(features, *size), "4  features"),
        Panel(looked, "5  fusion", bar=Bar(point_high(fusion), "attention")),
        Panel(draw_overlay(picture, enlarge(mask, scale)[None]), "6  mask"),
    ]
    return build_sheet(
        "From picture to mask",
        settings_line(phrase=phrase, blocks=(block,), timestep=timestep, seed=seed),
        [Section(panels)],
        columns=3,
        side=2.4,
    )
