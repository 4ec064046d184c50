"""Small pieces of the page that several parts use."""

from html import escape
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from gradio.utils import is_in_or_equal

TERMS = {
    "latent": "The picture as the diffusion model sees it: a small grid of numbers made by its "
    "autoencoder, several pixels to a cell.",
    "features": "What the diffusion model computes inside while it looks at the noised picture "
    "together with the phrase.",
    "timestep": "How much noise is laid on the latent before the diffusion model looks at it: "
    "0 is none, 999 is nearly all.",
    "prompt": "What the picture shows, in words. Here it is what the picture was drawn from.",
    "guidance": "How strongly the words pull at the picture while it is drawn; 1 is not at all "
    "beyond what the model does by itself.",
    "steps": "How many times the sampler takes away a little noise, from pure noise to the "
    "picture.",
    "seed": "The number the noise is drawn from. The same seed gives the same result.",
    "cross-attention": "The place where the words of the phrase meet the cells of the picture.",
    "self-attention": "The place where every cell of the picture looks at all other cells and "
    "takes from those it finds akin.",
    "feature attention": "LD-ZNet's third attention, at blocks 6 to 10: its cells look at the "
    "diffusion model's features of the same block.",
    "mean token": "One more thing to look at beside the cells: the mean of all their features.",
    "token": "A word, or a piece of one, as the text encoder reads it. A start and an end token "
    "frame every phrase.",
    "block": "One of the sixteen places in the diffusion model, numbered in the order they run, "
    "where cells attend to one another and to the words.",
    "stride": "How many cells of the latent, along each side, one cell of a block covers. 1 is the "
    "finest, 8 the coarsest.",
    "noise estimate": "What the diffusion model puts out: the noise it believes was laid on the "
    "latent.",
    "PCA": "Principal component analysis: the three directions in which numbers differ most, shown "
    "as red, green and blue.",
    "PSNR": "Peak signal-to-noise ratio in decibels: how close two pictures are. Over 30 is hard "
    "to tell apart.",
    "threshold": "A pixel counts as found when its probability is above this.",
    "score": "Mean probability inside the mask, 0 to 1.",
    "IoU": "Intersection over union: the area two masks share, divided by the area either "
    "covers. 1 is identical, 0 is disjoint.",
    "truth": "The mask that is right: known for drawn scenes, or uploaded by you.",
}

# Clicks on any element inside that carries data-pick reach Python as event.pick.
_PICK = """
element.addEventListener('click', (event) => {
  const target = event.target.closest('[data-pick]');
  if (target) trigger('click', {pick: target.dataset.pick});
});
"""


def term(word: str, text: str | None = None) -> str:
    """A word with a dotted underline that explains itself on hover, tap or keyboard focus."""
    tip = escape(TERMS[word])
    return (
        f'<span class="term" tabindex="0">{escape(text or word)}'
        f'<span class="tip" role="tooltip">{tip}</span></span>'
    )


def swatch(colour: str) -> str:
    """A dot in a phrase's or network's colour."""
    return f'<span class="swatch" style="--own:{colour}"></span>'


def message(text: str, kind: str = "note") -> str:
    """A sentence for the visitor: kind "error" or "note"; nothing for an empty text."""
    if not text:
        return ""
    role = "alert" if kind == "error" else "status"
    return f'<p class="message {kind}" role="{role}">{escape(text)}</p>'


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
