"""From picture to mask in six panels."""

from typing import TYPE_CHECKING

import numpy as np

from ldznet.figures.attention import draw_point_map, point_high
from ldznet.figures.enlarging import display_scale, enlarge_picture
from ldznet.figures.features import draw_features
from ldznet.figures.latent import draw_channels, reach
from ldznet.figures.layers import enlarge
from ldznet.figures.overlay import draw_overlay
from ldznet.figures.settings import settings_line
from ldznet.figures.sheet import Bar, Panel, Section, build_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
