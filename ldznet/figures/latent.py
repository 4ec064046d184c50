"""The latent and its noise: channels, differences and what text changes, drawn."""

from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.attention import draw_attention, highest
from ldznet.figures.enlarging import display_scale, enlarge_cells, enlarge_picture
from ldznet.figures.maps import draw_heat, draw_signed
from ldznet.figures.settings import settings_line
from ldznet.figures.sheet import Bar, Panel, Section, build_sheet, share_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RULE = 3  # pixels of white on either side of the middle, between channels


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
