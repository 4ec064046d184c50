"""The panel of what the phrase changes in the diffusion model's noise estimate."""

from html import escape

import numpy as np

from ldznet.figures.inspection import highest
from ldznet.figures.pictures import draw_heat
from ldznet.ui.tabs.attention.stage import figure, heat, heat_bar, layer, picture_style, stage


def draw_text(image: np.ndarray, change: np.ndarray, phrase: str) -> str:
    """The picture, the change over it, and the change alone, cell by cell."""
    bar = heat_bar(highest(change), "difference of the estimates, norm over the four channels")
    named = f"“{escape(phrase)}”"
    return f"""<div class="trio" style="{picture_style(image)}">
  {figure("<strong>The picture</strong>", stage(label="the picture"))}
  {
        figure(
            f"<strong>What {named} changes</strong>",
            stage(heat(change), "the change", "grey"),
            bar,
            "text",
        )
    }
  {
        figure(
            "<strong>The same, cell by cell</strong>",
            stage(layer(draw_heat(change, highest(change)), "cells"), "the change, cell by cell"),
        )
    }
</div>"""
