"""Controls that more than one tab has."""

from collections.abc import Mapping, Sequence

import gradio as gr

from ldznet.ui.look import VIEWS, Look
from ldznet.ui.widgets import slider


def build_view_controls(
    views: Sequence[str] = tuple(VIEWS), prefix: str = ""
) -> tuple[gr.Radio, gr.Slider, gr.Slider]:
    """View, threshold and opacity in a row; `prefix` makes their ids the tab's own."""
    look = Look()
    with gr.Row(elem_id=f"{prefix}looking", elem_classes="looking"):
        view = gr.Radio(
            [(VIEWS[name], name) for name in views],
            value=look.view,
            label="View",
            elem_id=f"{prefix}view",
            scale=len(views) - 1,  # so that all stand in one row
            min_width=330,
        )
        threshold = slider(
            0,
            1,
            look.threshold,
            step=0.01,
            label="Threshold",
            buttons=[],
            min_width=160,
            elem_id=f"{prefix}threshold",
        )
        opacity = slider(0, 1, look.opacity, step=0.05, label="Opacity", buttons=[], min_width=160)
    return view, threshold, opacity


def build_downloads(
    kinds: Mapping[str, str], prefix: str = ""
) -> tuple[dict[str, gr.Button], gr.DownloadButton]:
    """A button for every kind, and the hidden one that holds the file; see `press`."""
    with gr.Row(elem_id=f"{prefix}downloads", elem_classes="downloads"):
        buttons = {kind: gr.Button(title, size="sm", min_width=80) for kind, title in kinds.items()}
    return buttons, gr.DownloadButton(visible="hidden", elem_id=f"{prefix}file")


def press(file: gr.DownloadButton) -> str:
    """JavaScript that presses the hidden button, once its file is there."""
    return f"() => document.querySelector('#{file.elem_id}').click()"


def build_code(value: str, language: str, label: str, max_lines: int = 8) -> gr.Code:
    """Code to copy; what is longer than `max_lines` scrolls."""
    return gr.Code(
        value,
        language=language,  # type: ignore[arg-type]
        label=label,
        interactive=False,
        show_line_numbers=False,
        wrap_lines=True,
        elem_classes="to-copy",
        buttons=["copy"],
        lines=2,
        max_lines=max_lines,
    )
