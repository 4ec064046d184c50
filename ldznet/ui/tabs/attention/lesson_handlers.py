"""What happens on each event of the lesson: values in, values of the outputs out."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.ui.examples import Example
from ldznet.ui.inputs import InputError, read_whole
from ldznet.ui.markup import message
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import Picture
from ldznet.ui.tabs.attention.lesson_course import Course, Look, change_timestep, start_course
from ldznet.ui.tabs.attention.lesson_steps import DRAW, STEPS, Chapter, draw_chapters
from ldznet.ui.world import draw_word_note

SKIP = gr.skip()  # leaves an output as it is
Outputs = tuple[Any, ...]
_UNCHANGED: Outputs = (SKIP,) * (1 + 2 * len(STEPS))  # the course and its chapters


class LessonHandlers:
    """The handlers of one app; a session's course comes in and goes out with each call.

    An answer is the course, what each chapter says and shows, and the messages beside the phrase
    and the timestep; a complaint changes only its message. `look` is the values of a `Look`.
    """

    def __init__(self, models: Models, examples: Sequence[Example]) -> None:
        self.models = models
        self.examples = examples

    def start(self) -> Course:
        """The course the lesson opens with: the first example's first phrase."""
        first = self.examples[0].comparison
        phrase = first.phrases[0]
        return start_course(self.models.home, first.picture, phrase, FEATURE_TIMESTEP)

    def run(self, course: Course, text: str, *look: Any) -> Outputs:
        """Follow another phrase through the same picture at the same timestep; an answer."""
        return self._start(course.picture, text, course.lesson.timestep, look)

    def pick_example(self, event: gr.EventData, course: Course, *look: Any) -> Outputs:
        """Follow an example's picture and first phrase; the phrase and an answer."""
        example = self.examples[int(event.pick)].comparison
        phrase = example.phrases[0]
        return (phrase, *self._start(example.picture, phrase, course.lesson.timestep, look))

    def change_timestep(self, course: Course, timestep: int | None, *look: Any) -> Outputs:
        """Noise the latents to another timestep, and all that follows; an answer."""
        try:
            wanted = read_whole("timestep", timestep)
            now = self.models.now
            now.segmenter.backbone.check_timestep(wanted)
            changed = change_timestep(now, course, wanted)
        except ValueError as error:
            return (*_UNCHANGED, SKIP, message(str(error), "error"))
        return self._answer(now, changed, look)

    def pick_cell(self, event: gr.EventData, course: Course, *look: Any) -> Outputs:
        """Ask what LD-ZNet read for another cell, "row,column"; the course and chapter 5."""
        row, column = event.pick.split(",")
        course = course.at_cell(int(row), int(column))
        return (course, *self.redraw(5, course, *look))

    def redraw(self, number: int, course: Course, *look: Any) -> Chapter:
        """One chapter, 1 to 6, as its control now says; no model runs."""
        return DRAW[number - 1](course, read_look(*look))

    def _start(self, picture: Picture, text: str, timestep: int, look: Sequence[Any]) -> Outputs:
        now = self.models.now
        try:
            course = start_course(now, picture, text, timestep)
        except InputError as complaint:
            return (*_UNCHANGED, message(str(complaint), "error"), SKIP)
        return self._answer(now, course, look)

    def _answer(self, loaded: Loaded, course: Course, look: Sequence[Any]) -> Outputs:
        chapters = draw_chapters(course, read_look(*look))
        parts = (part for chapter in chapters for part in chapter)
        return (course, *parts, draw_word_note(loaded, [course.phrase]), "")


def read_look(view: str, block: int, threshold: float | None) -> Look:
    """The look that the controls say, rounded to their steps; an emptied box says the default."""
    wanted = Look().threshold if threshold is None else threshold
    return Look(view, int(block), round(min(max(wanted, 0), 1), 2))
