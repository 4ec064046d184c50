"""Pictures of results: arrays in, uint8 images out."""

from ldznet.figures.comparison import (
    ERROR_COLOURS,
    agreement_legend,
    draw_agreement,
    draw_errors,
)
from ldznet.figures.enlarge import enlarge_image, enlarge_mask, whole_factor
from ldznet.figures.heat import draw_heat
from ldznet.figures.overlay import cut_out, draw_contours, draw_masks, draw_overlay
from ldznet.figures.palette import NETWORK_COLOURS, PHRASE_COLOURS, phrase_colours, rgb

__all__ = [
    "ERROR_COLOURS",
    "NETWORK_COLOURS",
    "PHRASE_COLOURS",
    "agreement_legend",
    "cut_out",
    "draw_agreement",
    "draw_contours",
    "draw_errors",
    "draw_heat",
    "draw_masks",
    "draw_overlay",
    "enlarge_image",
    "enlarge_mask",
    "phrase_colours",
    "rgb",
    "whole_factor",
]
