"""The components of the lesson and where they stand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.ui.cards import draw_gallery
from ldznet.ui.components import as_sent, html, pick_html
from ldznet.ui.examples import Example
from ldznet.ui.tabs.attention.lesson_course import LATENT_VIEWS, Look
from ldznet.ui.tabs.attention.lesson_steps import STEPS, Chapter
from ldznet.ui.tabs.attention.targets import view_html
from ldznet.ui.world import draw_vocabulary

# A step is turned to in the browser; its head comes into sight where a long page hid it.
_TURN = """() => {{
  const lesson = document.querySelector('#lesson');
  if (lesson.getBoundingClientRect().top < 0) lesson.scrollIntoView();
  return {{__type__: 'update', selected: {step}}};
}}"""


class Controls(NamedTuple):
    """The one control of each step; in the fourth and the fifth it is the picture itself."""

    phrase: gr.Textbox
    view: gr.Radio
    timestep: gr.Slider
    threshold: gr.Slider


class Page(NamedTuple):
    """All components of the lesson that take part in an event."""

    controls: Controls
    said: list[gr.HTML]  # a chapter's sentences, by step
    shown: list[gr.HTML]  # a chapter's pictures, by step
    follow: gr.Button
    message: gr.HTML  # beside the phrase
    timestep_message: gr.HTML
    gallery: gr.HTML
    explore: gr.Button
    compare: gr.Button
    file: gr.DownloadButton


def build_page(examples: Sequence[Example], phrase: str, chapters: Sequence[Chapter]) -> Page:
    """Lay out the lesson, filled with what the chapters of its first example say and show."""
    parts: dict[str, Any] = {}
    said, shown = [], []
    with gr.Walkthrough(selected=1, elem_id="lesson") as walk:
        for number, (title, chapter) in enumerate(zip(STEPS, chapters, strict=True), start=1):
            with gr.Step(title, id=number, elem_id=f"lesson-{number}"), gr.Row():
                with gr.Column(elem_classes="lesson-said", scale=0, min_width=300):
                    said.append(html(chapter.said))
                    with gr.Column(elem_classes="lesson-control"):
                        parts |= _build_control(number, examples, phrase)
                    if number == len(STEPS):
                        with gr.Column(elem_classes="lesson-onward"):
                            explore = gr.Button("Explore this picture", elem_id="lesson-explore")
                            compare = gr.Button("Open in Compare", elem_id="lesson-compare")
                    _build_turns(walk, number)
                with gr.Column(elem_classes="lesson-shown"):
                    shown.append(view_html(chapter.shown, f"lesson-shown-{number}"))
    return Page(
        controls=Controls(**{name: parts[name] for name in Controls._fields}),
        said=said,
        shown=shown,
        follow=parts["follow"],
        message=parts["message"],
        timestep_message=parts["timestep_message"],
        gallery=parts["gallery"],
        explore=explore,
        compare=compare,
        file=gr.DownloadButton(visible="hidden", elem_id="lesson-file"),
    )


def _build_control(number: int, examples: Sequence[Example], phrase: str) -> dict[str, Any]:
    """The components of a step's control, by their names."""
    if number == 1:
        return _build_question(examples, phrase)
    if number == 2:
        view = gr.Radio(
            LATENT_VIEWS, value=LATENT_VIEWS[0], label="Show of z", elem_id="lesson-view"
        )
        return {"view": view}
    if number == 3:
        slider = _build_slider("Timestep", 999, FEATURE_TIMESTEP, 1)
        return {"timestep": slider, "timestep_message": html(elem_id="lesson-timestep-message")}
    if number == 6:
        return {"threshold": _build_slider("Threshold", 1, Look().threshold, 0.01)}
    return {}


def _build_question(examples: Sequence[Example], phrase: str) -> dict[str, Any]:
    return {
        "phrase": gr.Textbox(
            phrase,
            label="What to find",
            placeholder="red car",
            lines=1,
            max_lines=1,
            elem_id="lesson-phrase",
        ),
        "message": pick_html("", elem_id="lesson-message"),
        "follow": gr.Button("Follow this phrase", elem_id="lesson-follow"),
        "words": html(draw_vocabulary()),
        "gallery": pick_html(draw_gallery(examples), elem_id="lesson-gallery"),
    }


def _build_slider(label: str, highest: float, value: float, step: float) -> gr.Slider:
    elem_id = f"lesson-{label.lower()}"
    return as_sent(
        gr.Slider(0, highest, value, step=step, label=label, buttons=[], elem_id=elem_id)
    )


def _build_turns(walk: gr.Walkthrough, number: int) -> None:
    """Back and Next; the first step has only the one, the last only the other."""
    with gr.Row(elem_classes="lesson-turns"):
        if number > 1:
            _turn(gr.Button("Back", min_width=80), walk, number - 1)
        if number < len(STEPS):
            _turn(gr.Button("Next", variant="primary", min_width=80), walk, number + 1)


def _turn(button: gr.Button, walk: gr.Walkthrough, step: int) -> None:
    button.click(
        None, None, walk, js=_TURN.format(step=step), api_visibility="private", queue=False
    )
