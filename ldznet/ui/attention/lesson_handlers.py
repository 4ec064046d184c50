"""What happens on each event of the lesson: values in, values of the outputs out."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.ui.attention.lesson_course import (
    Course,
    Look,
    change_timestep,
    read_phrase,
    start_course,
)
from ldznet.ui.attention.lesson_steps import DRAW, STEPS, Chapter, draw_chapters
from ldznet.ui.comparison import Picture
from ldznet.ui.examples import Example
from ldznet.ui.models import Models
from ldznet.ui.run import InputError
from ldznet.ui.widgets import message
from ldznet.ui.words import draw_word_note

SKIP = gr.skip()  # leaves an output as it is
Outputs = tuple[Any, ...]


class LessonHandlers:
    """The handlers of one app; a session's course comes in and goes out with each call.

    An answer is the course, what each chapter says and shows, and the message beside the phrase; a
    complaint changes only the message. `look` is the values of a `Look`.
    """

    def __init__(self, models: Models, examples: Sequence[Example]) -> None:
        self.models = models
        self.examples = examples

    def start(self) -> Course:
        """The course the lesson opens with: the first example's first phrase."""
        first = self.examples[0].comparison
        return start_course(self.models, first.picture, first.phrases[0], FEATURE_TIMESTEP)

    def run(self, course: Course, text: str, timestep: int, *look: Any) -> Outputs:
        """Follow another phrase through the same picture; an answer."""
        return self._start(course.picture, text, timestep, look)

    def pick_example(self, event: gr.EventData, timestep: int, *look: Any) -> Outputs:
        """Follow an example's picture and first phrase; the phrase and an answer."""
        example = self.examples[int(event.pick)].comparison
        phrase = example.phrases[0]
        return (phrase, *self._start(example.picture, phrase, timestep, look))

    def change_timestep(self, course: Course, timestep: int, *look: Any) -> Outputs:
        """Noise the latents to another timestep, and all that follows; an answer."""
        return self._answer(change_timestep(self.models, course, int(timestep)), look)

    def pick_cell(self, event: gr.EventData, course: Course, *look: Any) -> Outputs:
        """Ask what LD-ZNet read for another cell, "row,column"; the course and chapter 5."""
        row, column = event.pick.split(",")
        course = course.at_cell(int(row), int(column))
        return (course, *self.redraw(5, course, *look))

    def redraw(self, number: int, course: Course, *look: Any) -> Chapter:
        """One chapter, 1 to 6, as its control now says; no model runs."""
        return DRAW[number - 1](course, read_look(*look))

    def _start(self, picture: Picture, text: str, timestep: int, look: Sequence[Any]) -> Outputs:
        try:
            unknown = draw_word_note(self.models, [read_phrase(text)])
            if unknown:
                return _complain(unknown)
            course = start_course(self.models, picture, text, int(timestep))
        except InputError as complaint:
            return _complain(message(str(complaint), "error"))
        return self._answer(course, look)

    def _answer(self, course: Course, look: Sequence[Any]) -> Outputs:
        chapters = draw_chapters(course, read_look(*look))
        return (course, *(part for chapter in chapters for part in chapter), "")


def read_look(view: str, block: int, threshold: float) -> Look:
    """The look that the controls say, rounded to their steps."""
    return Look(view, int(block), round(threshold, 2))


def _complain(said: str) -> Outputs:
    return (SKIP,) * (1 + 2 * len(STEPS)) + (said,)
