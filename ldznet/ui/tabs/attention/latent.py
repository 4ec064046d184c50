"""The panel of the latent: its channels, what the autoencoder makes of it, and what is lost."""

import numpy as np

from ldznet.figures.inspection import highest, reach
from ldznet.figures.pictures import draw_signed
from ldznet.inspection import LatentView
from ldznet.ui.cards import png_uri
from ldznet.ui.markup import term
from ldznet.ui.tabs.attention.stage import (
    downloads,
    figure,
    heat,
    heat_bar,
    layer,
    picture_style,
    signed_bar,
    stage,
)


def draw_latent(image: np.ndarray, view: LatentView) -> str:
    """Four channels above; picture, reconstruction and difference below."""
    extent = reach(view.channels)
    rows, columns = view.channels.shape[1:]
    channels = "".join(
        figure(
            f"<strong>Channel {place}</strong>",
            stage(layer(draw_signed(channel, extent), "cells"), f"channel {place} of the latent"),
        )
        for place, channel in enumerate(view.channels, start=1)
    )
    again = f'<img class="layer" src="{png_uri(view.reconstruction)}" alt="">'
    return f"""<div class="latent" style="{picture_style(image)}">
  <h4>The latent <span>{columns} × {rows} cells, 4 channels</span></h4>
  <div class="quartet">{channels}</div>
  {signed_bar(extent, "value of a cell, the same colours for all channels")}
  <h4>Unpacked again</h4>
  <div class="trio">
    {figure("<strong>The picture</strong>", stage(label="the picture"))}
    {
        figure(
            "<strong>From its latent</strong>",
            stage(again, "the picture from its latent"),
            f'<p class="scale">{term("PSNR")} {view.psnr:.1f} dB</p>',
        )
    }
    {
        figure(
            "<strong>Difference</strong>",
            stage(heat(view.difference), "what was lost", "grey"),
            heat_bar(highest(view.difference), "mean over the colours; 1 is black to white"),
        )
    }
  </div>
  {downloads("latent")}
</div>"""
