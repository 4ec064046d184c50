"""The guided lesson: from a picture and a phrase to a mask in six steps."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.inspection import DEFAULT_TIMESTEP
from ldznet.ui.attention.lesson_course import LATENT_VIEWS, Course, Look
from ldznet.ui.attention.lesson_files import take
from ldznet.ui.attention.lesson_handlers import (
    LessonHandlers,
    draw_chapters,
    read_look,
)
from ldznet.ui.attention.lesson_steps import STEPS
from ldznet.ui.attention.targets import view_html
from ldznet.ui.compare.gallery import draw_gallery
from ldznet.ui.comparison import Picture
from ldznet.ui.desk import ATTENTION, COMPARE, Desk, hand
from ldznet.ui.examples import Example, read_examples
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.widgets import html, pick_html
from ldznet.ui.words import draw_vocabulary, replace_word

_HOUR = 3600  # seconds that a session's course is kept
_EXAMPLES = 5  # a row of them fits beside the picture
_OWN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_LIGHT: dict[str, Any] = {**_OWN, "queue": False, "trigger_mode": "always_last"}
_MODEL: dict[str, Any] = {
    **_OWN,
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
    "trigger_mode": "always_last",  # a moving slider asks again when the last answer is there
}
_PRESS = "() => document.querySelector('#lesson-file').click()"
# A step is turned to in the browser; its head comes into sight where a long page hid it.
_TURN = """() => {{
  const lesson = document.querySelector('#lesson');
  if (lesson.getBoundingClientRect().top < 0) lesson.scrollIntoView();
  return {{__type__: 'update', selected: {step}}};
}}"""


class Controls(NamedTuple):
    """The one control of each step; of the fourth and fifth it is their picture."""

    phrase: gr.Textbox
    view: gr.Radio
    timestep: gr.Slider
    threshold: gr.Slider


class Page(NamedTuple):
    """All components of the lesson that take part in an event."""

    controls: Controls
    said: list[gr.HTML]
    shown: list[gr.HTML]
    message: gr.HTML
    gallery: gr.HTML
    follow: gr.Button
    explore: gr.Button
    compare: gr.Button
    file: gr.DownloadButton


def build_lesson(models: Models, desk: Desk) -> None:
    """Build the lesson inside the tab being built; it opens on the first example, computed."""
    examples = read_examples()[:_EXAMPLES]
    handlers = LessonHandlers(models, examples)
    first = handlers.start()
    page = _build_page(examples, first)
    course = gr.State(first, time_to_live=_HOUR)
    block = gr.State(Look().block)
    _wire(page, course, block, handlers)
    _wire_downloads(page, course, block)
    for button, tab, place in (
        (page.explore, ATTENTION, desk.for_attention),
        (page.compare, COMPARE, desk.for_compare),
    ):
        button.click(_hand_on, course, place, **_OWN).then(
            partial(gr.Tabs, selected=tab), outputs=desk.tabs, **_OWN
        )


def _hand_on(course: Course) -> Picture:
    return hand(replace(course.picture, ask=(course.phrase,)))


def _wire(page: Page, course: gr.State, block: gr.State, handlers: LessonHandlers) -> None:
    controls = page.controls
    look = [controls.view, block, controls.threshold]
    chapters = [part for pair in zip(page.said, page.shown, strict=True) for part in pair]
    answer = [course, *chapters, page.message]
    asked = [course, controls.phrase, controls.timestep, *look]
    gr.on([page.follow.click, controls.phrase.submit], handlers.run, asked, answer, **_MODEL)
    page.message.click(_replace, controls.phrase, controls.phrase, **_OWN).then(
        handlers.run, asked, answer, **_MODEL
    )
    page.gallery.click(
        handlers.pick_example, [controls.timestep, *look], [controls.phrase, *answer], **_MODEL
    )
    controls.timestep.change(
        handlers.change_timestep, [course, controls.timestep, *look], answer, **_MODEL
    )
    page.shown[3].click(_pick_block, None, block, **_LIGHT).then(
        handlers.look, [course, *look], answer, **_LIGHT
    )
    page.shown[4].click(handlers.pick_cell, [course, *look], answer, **_MODEL)
    gr.on(
        [controls.view.change, controls.threshold.change],
        handlers.look,
        [course, *look],
        answer,
        **_LIGHT,
    )


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)


def _pick_block(event: gr.EventData) -> int:
    return int(event.pick)


def _wire_downloads(page: Page, course: gr.State, block: gr.State) -> None:
    def write(event: gr.EventData, course: Course, *look: Any) -> str:
        name, content = take(event.pick, course, read_look(*look))
        return save_bytes_to_cache(content, name, page.file.GRADIO_CACHE)

    look = [page.controls.view, block, page.controls.threshold]
    for shown in page.shown:
        shown.download(write, [course, *look], page.file, **_OWN).then(None, js=_PRESS, **_OWN)


def _build_page(examples: tuple[Example, ...], first: Course) -> Page:
    drawn = draw_chapters(first, Look())
    said, shown = [], []
    with gr.Walkthrough(selected=1, elem_id="lesson") as walk:
        for number, title in enumerate(STEPS, start=1):
            with gr.Step(title, id=number, elem_id=f"lesson-{number}"), gr.Row():
                with gr.Column(elem_classes="lesson-said", scale=0, min_width=300):
                    said.append(html(drawn[2 * number - 2]))
                    with gr.Column(elem_classes="lesson-control"):
                        if number == 1:
                            phrase, follow, message, gallery = _build_question(examples, first)
                        if number == 2:
                            view = gr.Radio(
                                LATENT_VIEWS, value=LATENT_VIEWS[0], label="Show of z",
                                elem_id="lesson-view",
                            )  # fmt: skip
                        if number == 3:
                            timestep = gr.Slider(
                                0, 999, DEFAULT_TIMESTEP, step=1, label="Timestep", buttons=[],
                                elem_id="lesson-timestep",
                            )  # fmt: skip
                        if number == 6:
                            threshold = gr.Slider(
                                0, 1, Look().threshold, step=0.01, label="Threshold", buttons=[],
                                elem_id="lesson-threshold",
                            )  # fmt: skip
                            look_inside = gr.Button(
                                "Explore this picture", elem_id="lesson-explore"
                            )
                            compare = gr.Button("Open in Compare", elem_id="lesson-compare")
                    if number == len(STEPS):
                        with gr.Column(elem_classes="lesson-onward"):
                            look_inside = gr.Button(
                                "Explore this picture", elem_id="lesson-explore"
                            )
                            compare = gr.Button("Open in Compare", elem_id="lesson-compare")
                    _build_turns(walk, number)
                with gr.Column(elem_classes="lesson-shown"):
                    shown.append(view_html(drawn[2 * number - 1], f"lesson-shown-{number}"))
    file = gr.DownloadButton(visible="hidden", elem_id="lesson-file")
    controls = Controls(phrase, view, timestep, threshold)
    return Page(controls, said, shown, message, gallery, follow, explore, compare, file)


def _build_question(
    examples: tuple[Example, ...], first: Course
) -> tuple[gr.Textbox, gr.Button, gr.HTML, gr.HTML]:
    phrase = gr.Textbox(
        first.phrase,
        label="What to find",
        placeholder="red car",
        lines=1,
        max_lines=1,
        elem_id="lesson-phrase",
    )
    message = pick_html("", elem_id="lesson-message")
    follow = gr.Button("Follow this phrase", elem_id="lesson-follow")
    html(draw_vocabulary())
    return phrase, follow, message, pick_html(draw_gallery(examples), elem_id="lesson-gallery")


def _build_turns(walk: gr.Walkthrough, number: int) -> None:
    """Back and Next; the first step has only the one, the last only the other."""
    with gr.Row(elem_classes="lesson-turns"):
        if number > 1:
            _turn(gr.Button("Back", min_width=80), walk, number - 1)
        if number < len(STEPS):
            _turn(gr.Button("Next", variant="primary", min_width=80), walk, number + 1)


def _turn(button: gr.Button, walk: gr.Walkthrough, step: int) -> None:
    button.click(None, None, walk, js=_TURN.format(step=step), **_OWN)
