"""The guided lesson: from a picture and a phrase to a mask in six steps.

Its components stand in `lesson_page`, its events act in `lesson_handlers`; here they are joined.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.ui.examples import read_examples
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.state import ATTENTION, COMPARE, Desk, Picture, hand
from ldznet.ui.tabs.attention.lesson_course import Course, Look
from ldznet.ui.tabs.attention.lesson_files import take
from ldznet.ui.tabs.attention.lesson_handlers import LessonHandlers, read_look
from ldznet.ui.tabs.attention.lesson_page import Page, build_page
from ldznet.ui.tabs.attention.lesson_steps import draw_chapters
from ldznet.ui.world import replace_word

_HOUR = 3600  # seconds that a session's course is kept
_EXAMPLES = 5  # as many as fit into a row beside the picture
_OWN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# A moving slider asks again when the last answer is there.
_LIGHT: dict[str, Any] = {**_OWN, "queue": False, "trigger_mode": "always_last"}
_MODEL: dict[str, Any] = {
    **_OWN,
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
    "trigger_mode": "always_last",
}
_PRESS = "() => document.querySelector('#lesson-file').click()"


def build_lesson(models: Models, desk: Desk) -> None:
    """Build the lesson inside the tab being built; it opens on the first example, computed."""
    examples = read_examples()[:_EXAMPLES]
    handlers = LessonHandlers(models, examples)
    first = handlers.start()
    page = build_page(examples, first.phrase, draw_chapters(first, Look()))
    course = gr.State(first, time_to_live=_HOUR)
    block = gr.State(Look().block)
    look = [page.controls.view, block, page.controls.threshold]
    _wire_answers(page, course, block, look, handlers)
    _wire_downloads(page, course, look)
    for button, tab, place in (
        (page.explore, ATTENTION, desk.for_attention),
        (page.compare, COMPARE, desk.for_compare),
    ):
        button.click(_hand_on, course, place, **_OWN).then(
            partial(gr.Tabs, selected=tab), outputs=desk.tabs, **_OWN
        )


def _hand_on(course: Course) -> Picture:
    return hand(replace(course.picture, ask=(course.phrase,)))


def _wire_answers(
    page: Page, course: gr.State, block: gr.State, look: list[Any], handlers: LessonHandlers
) -> None:
    controls = page.controls
    chapters = [part for pair in zip(page.said, page.shown, strict=True) for part in pair]
    answer = [course, *chapters, page.message, page.timestep_message]
    asked = [course, controls.phrase, *look]
    gr.on([page.follow.click, controls.phrase.submit], handlers.run, asked, answer, **_MODEL)
    page.message.click(_replace, controls.phrase, controls.phrase, **_OWN).then(
        handlers.run, asked, answer, **_MODEL
    )
    page.gallery.click(handlers.pick_example, [course, *look], [controls.phrase, *answer], **_MODEL)
    controls.timestep.input(
        handlers.change_timestep, [course, controls.timestep, *look], answer, **_MODEL
    )
    page.shown[4].click(
        handlers.pick_cell, [course, *look], [course, page.said[4], page.shown[4]], **_MODEL
    )
    picked = page.shown[3].click(_pick_block, None, block, **_LIGHT)
    for number, event in (
        (2, controls.view.input),
        (4, picked.then),
        (6, controls.threshold.input),
    ):
        event(
            partial(handlers.redraw, number),
            [course, *look],
            [page.said[number - 1], page.shown[number - 1]],
            **_LIGHT,
        )


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)


def _pick_block(event: gr.EventData) -> int:
    return int(event.pick)


def _wire_downloads(page: Page, course: gr.State, look: list[Any]) -> None:
    def write(event: gr.EventData, course: Course, *look: Any) -> str:
        name, content = take(event.pick, course, read_look(*look))
        return save_bytes_to_cache(content, name, page.file.GRADIO_CACHE)

    for shown in page.shown:
        shown.download(write, [course, *look], page.file, **_OWN).then(None, js=_PRESS, **_OWN)
