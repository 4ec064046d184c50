"""The look of the page: system fonts, ink on paper, colour left to phrases and networks."""

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, sizes

_HERE = Path(__file__).parent
STYLES = [_HERE / "style.css", _HERE / "header.css", *sorted(_HERE.glob("tabs/**/*.css"))]
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def build_theme() -> gr.themes.Base:
    """The gradio theme below `style.css`."""
    return gr.themes.Base(
        primary_hue=colors.slate,
        neutral_hue=colors.slate,
        radius_size=sizes.radius_md,
        font=_FONT,
        font_mono=_MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="#0B0F19",
        block_background_fill="white",
        block_background_fill_dark="#131A2A",
        block_border_width="0px",
        block_shadow="none",
        input_border_width="1px",
        button_border_width="1px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_background_fill_hover_dark="white",
        button_primary_border_color="*neutral_900",
        button_primary_border_color_dark="*neutral_100",
        button_primary_text_color="white",
        button_primary_text_color_dark="*neutral_900",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="#1C2538",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        slider_color="*neutral_800",
        slider_color_dark="*neutral_200",
        input_background_fill="white",
        input_background_fill_dark="#1C2538",
        checkbox_background_color_selected="*neutral_800",
        checkbox_background_color_selected_dark="*neutral_500",
        checkbox_border_color_selected="*neutral_800",
        checkbox_border_color_selected_dark="*neutral_500",
        color_accent="*neutral_800",
    )
