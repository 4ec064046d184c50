"""The guided lesson, from a picture and a phrase to a mask: its components, events and handlers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.ui.cards import draw_gallery
from ldznet.ui.components import as_sent, html, pick_html
from ldznet.ui.downloads import wire_download
from ldznet.ui.examples import Example, read_examples
from ldznet.ui.inputs import InputError, read_whole
from ldznet.ui.markup import message
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import ATTENTION, COMPARE, Desk, Picture, hand
from ldznet.ui.tabs.attention.lesson_steps import (
    LATENT_VIEWS,
    PLATES,
    STEPS,
    Chapter,
    Look,
    draw_chapters,
)
from ldznet.ui.tabs.attention.maps import map_html, plate_file
from ldznet.ui.tabs.attention.session import Course, change_timestep, start_course
from ldznet.ui.wiring import LIGHT, MODEL, QUIET, Changes, Joined, wire
from ldznet.ui.world import draw_vocabulary, draw_word_note, replace_word

_HOUR = 3600  # seconds that a session's course is kept
_EXAMPLES = 5  # as many as fit into a row beside the picture
# A moving slider asks again when the last answer is there.
_LIGHT = {**LIGHT, "trigger_mode": "always_last"}
_MODEL = {**MODEL, "show_progress": "hidden", "trigger_mode": "always_last"}
# A step is turned to in the browser; its head comes into sight where a long page hid it.
_TURN = """() => {{
  const lesson = document.querySelector('#lesson');
  if (lesson.getBoundingClientRect().top < 0) lesson.scrollIntoView();
  return {{__type__: 'update', selected: {step}}};
}}"""
NUMBERS = range(1, len(STEPS) + 1)
ANSWER = (
    "course",
    *(f"{part}_{number}" for number in NUMBERS for part in Chapter._fields),
    "phrases_message",
    "timestep_message",
)

Page = dict[str, Any]  # the components by name


def build_lesson(models: Models, desk: Desk) -> None:
    """Build the lesson inside the tab being built; it opens on the first example, computed."""
    examples = read_examples()[:_EXAMPLES]
    handlers = LessonHandlers(models, examples)
    first = handlers.start()
    page = _build_page(examples, first)
    page |= {
        "course": gr.State(first, time_to_live=_HOUR),
        "block": gr.State(Look().block),
        "look": Joined(read_look, ("view", "block", "threshold")),
        "for_attention": desk.for_attention,
        "for_compare": desk.for_compare,
    }
    _wire(page, handlers)
    for button, tab, place in (
        ("explore", ATTENTION, "for_attention"),
        ("compare", COMPARE, "for_compare"),
    ):
        wire(page[button].click, partial(_hand_on, place), page, [place], **QUIET).then(
            partial(gr.Tabs, selected=tab), outputs=desk.tabs, **QUIET
        )


# What stands where.


def _build_page(examples: Sequence[Example], first: Course) -> Page:
    """The components, filled with what the chapters of the first example say and show."""
    page: Page = {}
    chapters = draw_chapters(first, Look())
    with gr.Walkthrough(selected=1, elem_id="lesson") as walk:
        for number, step, chapter in zip(NUMBERS, STEPS, chapters, strict=True):
            with gr.Step(step.title, id=number, elem_id=f"lesson-{number}"), gr.Row():
                with gr.Column(elem_classes="lesson-said", scale=0, min_width=300):
                    page[f"text_{number}"] = html(chapter.text)
                    with gr.Column(elem_classes="lesson-control"):
                        page |= _build_control(number, examples, first.phrase)
                    if number == len(STEPS):
                        with gr.Column(elem_classes="lesson-onward"):
                            page["explore"] = gr.Button(
                                "Explore this picture", elem_id="lesson-explore"
                            )
                            page["compare"] = gr.Button("Open in Compare", elem_id="lesson-compare")
                    _build_turns(walk, number)
                with gr.Column(elem_classes="lesson-shown"):
                    pictures = map_html(chapter.pictures, f"lesson-shown-{number}")
                    page[f"pictures_{number}"] = pictures
    page["file"] = gr.DownloadButton(visible="hidden", elem_id="lesson-file")
    return page


def _build_control(number: int, examples: Sequence[Example], phrase: str) -> Page:
    """The one control of a step; in the fourth and the fifth it is the picture itself."""
    if number == 1:
        return _build_question(examples, phrase)
    if number == 2:
        return {
            "view": gr.Radio(
                LATENT_VIEWS, value=LATENT_VIEWS[0], label="Show of z", elem_id="lesson-view"
            )
        }
    if number == 3:
        return {
            "timestep": _build_slider("Timestep", 999, FEATURE_TIMESTEP, 1),
            "timestep_message": html(elem_id="lesson-timestep-message"),
        }
    if number == 6:
        return {"threshold": _build_slider("Threshold", 1, Look().threshold, 0.01)}
    return {}


def _build_question(examples: Sequence[Example], phrase: str) -> Page:
    page: Page = {
        "phrase": gr.Textbox(
            phrase,
            label="What to find",
            placeholder="red car",
            lines=1,
            max_lines=1,
            elem_id="lesson-phrase",
        ),
        "phrases_message": pick_html("", elem_id="lesson-message"),
        "follow": gr.Button("Follow this phrase", elem_id="lesson-follow"),
    }
    html(draw_vocabulary())
    page["gallery"] = pick_html(draw_gallery(examples), elem_id="lesson-gallery")
    return page


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


# What runs when.


def _wire(page: Page, handlers: "LessonHandlers") -> None:
    def answer(
        listen: Callable[..., gr.events.Dependency], handler: Callable[..., Changes]
    ) -> None:
        wire(listen, handler, page, ANSWER, **_MODEL)

    answer(partial(gr.on, [page["follow"].click, page["phrase"].submit]), handlers.run)
    corrected = wire(page["phrases_message"].click, _replace_word, page, ["phrase"], **QUIET)
    answer(corrected.then, handlers.run)
    wire(page["gallery"].click, handlers.pick_example, page, ["phrase", *ANSWER], **_MODEL)
    answer(page["timestep"].input, handlers.change_timestep)
    wire(page["pictures_5"].click, handlers.pick_cell, page, ["course", *_chapter(5)], **_MODEL)
    picked = wire(page["pictures_4"].click, _pick_block, page, ["block"], **_LIGHT)
    for number, listen in ((2, page["view"].input), (4, picked.then), (6, page["threshold"].input)):
        wire(listen, partial(redraw, number), page, _chapter(number), **_LIGHT)
    for number in NUMBERS:
        wire_download(page[f"pictures_{number}"].download, download, page, **QUIET)


# What happens: values come in by name, changes go out by name. `look` is what the controls say of
# what is computed already.


@dataclass(frozen=True)
class LessonHandlers:
    """The handlers that run a model; a session's course comes in and goes out with each call.

    An answer is the course, its chapters, and the messages beside the phrase and the timestep; a
    complaint changes only its message.
    """

    models: Models
    examples: Sequence[Example]

    def start(self) -> Course:
        """The course the lesson opens with: the first example's first phrase."""
        first = self.examples[0].comparison
        return start_course(self.models.home, first.picture, first.phrases[0], FEATURE_TIMESTEP)

    def run(self, request: gr.Request, course: Course, phrase: str, look: Look) -> Changes:
        """Follow another phrase through the same picture at the same timestep."""
        return self._start(request, course.picture, phrase, course.lesson.timestep, look)

    def pick_example(
        self, event: gr.EventData, request: gr.Request, course: Course, look: Look
    ) -> Changes:
        """Follow an example's picture and first phrase."""
        example = self.examples[int(event.pick)].comparison
        phrase = example.phrases[0]
        answer = self._start(request, example.picture, phrase, course.lesson.timestep, look)
        return {"phrase": phrase, **answer}

    def change_timestep(
        self, request: gr.Request, course: Course, timestep: int | None, look: Look
    ) -> Changes:
        """Noise the latents to another timestep, and all that follows."""
        try:
            number = read_whole("timestep", timestep)
            now = self.models.of_session(request.session_hash)
            now.segmenter.backbone.check_timestep(number)
            changed = change_timestep(now, course, number)
        except ValueError as error:
            return {"timestep_message": message(str(error), "error")}
        return self._answer(now, changed, look)

    def pick_cell(self, event: gr.EventData, course: Course, look: Look) -> Changes:
        """Ask what LD-ZNet read for another cell, "row,column"; no model runs."""
        row, column = event.pick.split(",")
        course = course.at_cell(int(row), int(column))
        return {"course": course, **redraw(5, course, look)}

    def _start(
        self, request: gr.Request, picture: Picture, text: str, timestep: int, look: Look
    ) -> Changes:
        now = self.models.of_session(request.session_hash)
        try:
            course = start_course(now, picture, text, timestep)
        except InputError as complaint:
            return {"phrases_message": message(str(complaint), "error")}
        return self._answer(now, course, look)

    def _answer(self, loaded: Loaded, course: Course, look: Look) -> Changes:
        changes: dict[str, Any] = {"course": course}
        for number in NUMBERS:
            changes |= redraw(number, course, look)
        note = draw_word_note(loaded, [course.phrase])
        return {**changes, "phrases_message": note, "timestep_message": ""}


def redraw(number: int, course: Course, look: Look) -> Changes:
    """One chapter, 1 to 6, as its control now says; no model runs."""
    chapter = STEPS[number - 1].draw(course, look)
    return dict(zip(_chapter(number), chapter, strict=True))


def _chapter(number: int) -> list[str]:
    """The names of a chapter's components."""
    return [f"{part}_{number}" for part in Chapter._fields]


def read_look(view: str, block: int, threshold: float | None) -> Look:
    """The look that the controls say, rounded to their steps; an emptied box says the default."""
    chosen = Look().threshold if threshold is None else threshold
    return Look(view, int(block), round(min(max(chosen, 0), 1), 2))


def download(event: gr.EventData, course: Course, look: Look) -> tuple[str, bytes]:
    """The file of a pick such as "png:mask": its name and content."""
    return take_home(event.pick, course, look)


def take_home(pick: str, course: Course, look: Look) -> tuple[str, bytes]:
    """A file's name and its bytes for a pick such as "png:mask"; see `PLATES`."""
    kind, name = pick.split(":")
    return plate_file(PLATES[name](course, look), kind, f"ldznet-lesson-{name}")


def _hand_on(place: str, course: Course) -> Changes:
    return {place: hand(replace(course.picture, phrases=(course.phrase,)))}


def _replace_word(event: gr.EventData, phrase: str) -> Changes:
    return {"phrase": replace_word(phrase, event.pick)}


def _pick_block(event: gr.EventData) -> Changes:
    return {"block": int(event.pick)}
