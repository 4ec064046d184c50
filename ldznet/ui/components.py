"""The page's own components, and controls that more than one tab has."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import gradio as gr
import numpy as np
from gradio.components import Component
from gradio.data_classes import ImageData
from gradio.utils import is_in_or_equal

from ldznet.ui.state import VIEWS, Look

# Clicks on any element inside that carries data-pick reach Python as event.pick.
_PICK = """
element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-pick]');
  if (target) trigger('click', {pick: target.dataset.pick});
});
"""


def html(value: str = "", elem_id: str | None = None, elem_classes: str | None = None) -> gr.HTML:
    """Plain HTML without gradio's own padding and prose style."""
    return gr.HTML(
        value,
        apply_default_css=False,
        js_on_load=None,
        elem_id=elem_id,
        elem_classes=elem_classes,
    )


def pick_html(value: str, elem_id: str | None = None) -> gr.HTML:
    """HTML whose elements with `data-pick` can be clicked; see `_PICK`."""
    return gr.HTML(value, apply_default_css=False, js_on_load=_PICK, elem_id=elem_id)


def slider(minimum: float, maximum: float, value: float, **options: Any) -> gr.Slider:
    """A slider whose number box may be emptied: that stands for `value`, its default."""
    component = gr.Slider(minimum, maximum, value, **options)
    read = component.preprocess

    # Not in a subclass: gradio writes a .pyi file beside the source of any it meets.
    def read_or_default(payload: float | None) -> float:
        return read(value if payload is None else payload)

    component.preprocess = read_or_default  # type: ignore[method-assign]
    return component


def picture_input(value: np.ndarray | None = None, **options: Any) -> gr.Image:
    """An image component that hands on its file unopened, so that only `read_image` judges it."""
    component = gr.Image(value, type="filepath", format="png", image_mode=None, **options)

    # Set on the object for the reason given in `slider`.
    def take_path(payload: ImageData | None) -> str | None:
        if payload is None or payload.path is None:
            return None
        if not is_in_or_equal(payload.path, component.GRADIO_CACHE):  # where uploads are kept
            raise gr.Error("The image must be an upload.", print_exception=False)
        return payload.path

    component.preprocess = take_path  # type: ignore[method-assign]
    return component


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


Kind = TypeVar("Kind", bound=Component)


def as_sent(component: Kind) -> Kind:
    """The component, handing on its value unread: gradio's own complaints name no control."""
    # Not in a subclass: gradio writes a .pyi file beside the source of any it meets.
    component.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return component
