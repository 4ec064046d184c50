"""What happens on each event of the Compare tab: values in, values of the outputs out."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from ldznet.data.shapes import TRAIN_START, draw_scene
from ldznet.networks import AttentionBaseline
from ldznet.ui.examples import Example, choose_phrases, picture_of
from ldznet.ui.inputs import (
    InputError,
    Place,
    complaints_about,
    read_own,
    read_phrases,
    read_picture,
    read_truth,
)
from ldznet.ui.markup import message
from ldznet.ui.models import Models
from ldznet.ui.run import Report, complete_comparison, run_comparison
from ldznet.ui.state import Comparison, Picture, read_look
from ldznet.ui.tabs.compare.layout import ANY_STYLE, Messages
from ldznet.ui.tabs.compare.page import Above, Below, draw_notes, show_above, show_below

SKIP = gr.skip()  # leaves an output as it is
Outputs = tuple[Any, ...]


class Handlers:
    """The handlers of one app; a session's state comes in and goes out with each call.

    `look` is the values of the components of `Looking`. An answer is the comparison, the fields of
    `Above`, the phrases shown, the truth's phrases, the `OwnInputs` and the `Messages`; a complaint
    changes only those. What stands below is drawn by a call of its own.
    """

    def __init__(self, models: Models, examples: Sequence[Example]) -> None:
        self.models = models
        self.examples = examples

    def run(
        self,
        report: Report,
        last: Comparison,
        path: str | None,
        text: str,
        seed: int,
        timestep: int,
        template: str,
        truth_path: str | None,
        truth_phrase: str | None,
        *look: Any,
    ) -> Outputs:
        """Segment the picture; an answer."""
        try:
            phrases = read_phrases(text)
            picture = read_picture(path, last.picture)
            comparison = run_comparison(
                self.models,
                picture,
                phrases,
                columns=read_look(*look).columns or (),
                seed=seed,
                timestep=timestep,
                template=template,
                report=report,
            )
        except InputError as complaint:
            return _complain(complaint)
        said = draw_notes(self.models, comparison)
        if truth_path and truth_phrase in phrases:
            try:
                comparison = comparison.with_truth(truth_phrase, read_truth(truth_path, picture))
            except InputError as complaint:
                said["truth"] = message(str(complaint), "error")
        return self._answer(comparison, look, said)

    def pick_example(self, event: gr.EventData, *look: Any) -> Outputs:
        """Show a precomputed example; picture, phrases, truth, scene number and an answer."""
        example = self.examples[int(event.pick)]
        comparison = example.comparison
        inputs = (comparison.picture.image, ", ".join(comparison.phrases), None, example.scene)
        return inputs + self._answer(comparison, look, {})

    def new_scene(self, style: str, difficulty: str, number: int | None, *look: Any) -> Outputs:
        """Draw and segment a scene, without a number a random one; outputs as `pick_example`."""
        if number is None:
            number = random.randrange(TRAIN_START)  # the networks have never seen one of these
        try:
            with complaints_about("picture"):
                scene = draw_scene(number, None if style == ANY_STYLE else style, difficulty)
        except InputError as complaint:
            return (SKIP,) * 4 + _complain(complaint)
        return self._segment(picture_of(scene), choose_phrases(scene), number, look)

    def receive(self, picture: Picture | None, *look: Any) -> Outputs:
        """Segment a picture from another tab; without phrases to ask for, only take it over.

        Outputs as `pick_example`.
        """
        if picture is None:
            return (SKIP,) * 4 + _nothing({})
        if not picture.ask:
            said = message("Write what to find in this picture, then run.")
            return (picture.image, "", None, SKIP, *_nothing({"phrases": said}))
        return self._segment(picture, picture.ask, SKIP, look)

    def _segment(
        self, picture: Picture, phrases: tuple[str, ...], number: Any, look: Sequence[Any]
    ) -> Outputs:
        """Take over a picture and its phrases as inputs, with their result."""
        try:
            columns = read_look(*look).columns or ()
            comparison = run_comparison(self.models, picture, phrases, columns=columns)
        except InputError as complaint:
            return (SKIP,) * 4 + _complain(complaint)
        inputs = (picture.image, ", ".join(phrases), None, number)
        return inputs + self._answer(comparison, look, draw_notes(self.models, comparison))

    def suit_columns(self, columns: list[str]) -> Any:
        """The columns for another backbone: one that can answer joins where none of them could."""
        networks = self.models.segmenter.networks
        if any(name in networks for name in columns):
            return SKIP
        return [*columns, AttentionBaseline.name]

    def complete(
        self, report: Report, comparison: Comparison, filled: Comparison | None, *look: Any
    ) -> Any:
        """Run what the columns shown lack, and nothing else; for `fill`, if anything is new.

        `filled` is what it gave last, which may not have been taken over yet. A column that failed
        is tried again once it was turned off and on.
        """
        columns = read_look(*look).columns or ()
        known = comparison.with_results_of(filled) if filled else comparison
        failed = {name: why for name, why in known.failed.items() if name in columns}
        lacked = [name for name in columns if name not in known.networks]
        begun = replace(known, failed=failed)
        found = complete_comparison(self.models, begun, lacked, report)
        same = found.networks == known.networks and found.failed == known.failed
        return SKIP if same else found

    def fill(self, comparison: Comparison, filled: Comparison) -> Comparison:
        """The comparison as it is by now, with the results of `complete`."""
        return comparison.with_results_of(filled)

    def look_above(self, comparison: Comparison, *look: Any) -> Above:
        """The cards of the same comparison as the controls now say; no model runs."""
        return show_above(self.models, comparison, read_look(*look))

    def look_below(self, comparison: Comparison, *look: Any) -> Below:
        """The same for what stands below the cards."""
        return show_below(comparison, read_look(*look))

    def add_truth(self, comparison: Comparison, path: str | None, phrase: str) -> tuple[Any, str]:
        """Take an uploaded true mask; the comparison and the truth's message."""
        try:
            if path:
                mask = read_truth(path, comparison.picture)
                comparison = comparison.with_truth(phrase, mask)
        except InputError as complaint:
            return SKIP, message(str(complaint), "error")
        return comparison, ""

    def add_own(self, comparison: Comparison, path: str | None, phrase: str) -> tuple[Any, str]:
        """Take a visitor's own mask, or without a file drop it; the comparison and a message."""
        try:
            mask = read_own(path, comparison.picture) if path else None
        except InputError as complaint:
            return SKIP, message(str(complaint), "error")
        return comparison.with_own(phrase, mask), ""

    def pick_own(self, comparison: Comparison, phrase: str) -> Any:
        """The visitor's own mask of a phrase, or None."""
        return comparison.picture.own.get(phrase)

    def _answer(
        self, comparison: Comparison, look: Sequence[Any], said: Mapping[Place, str]
    ) -> Outputs:
        view, threshold, opacity, _, *rest = look
        phrases = list(comparison.phrases)
        return (
            comparison,
            *self.look_above(comparison, view, threshold, opacity, None, *rest),
            gr.CheckboxGroup(choices=phrases, value=phrases),
            gr.Dropdown(choices=phrases, value=phrases[0]),
            comparison.picture.own.get(phrases[0]),
            gr.Dropdown(choices=phrases, value=phrases[0]),
            *_messages(said),
        )


def _complain(complaint: InputError) -> Outputs:
    return _nothing({complaint.place: message(str(complaint), "error")})


def _nothing(said: Mapping[Place, str]) -> Outputs:
    """An answer that changes only the messages."""
    return (SKIP,) * (1 + len(Above._fields) + 4) + _messages(said)


def _messages(said: Mapping[Place, str]) -> Outputs:
    return Messages(**{place: said.get(place, "") for place in Messages._fields})  # type: ignore
