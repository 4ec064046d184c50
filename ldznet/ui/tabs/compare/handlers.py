"""What happens on each event of the Compare tab, and what it shows of a comparison."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import gradio as gr
import numpy as np

from ldznet.data.shapes import TRAIN_START, draw_scene
from ldznet.figures.pictures import overlay_layer
from ldznet.networks import BASELINES
from ldznet.pipeline import Segmenter
from ldznet.ui.cards import (
    OUTLINE,
    colours_of,
    describe_settings,
    draw_agreement_card,
    draw_cards,
    draw_large,
    fit,
)
from ldznet.ui.downloads import zip_comparison
from ldznet.ui.examples import Example, choose_phrases, picture_of
from ldznet.ui.inputs import (
    InputError,
    complaints_about,
    read_own,
    read_phrases,
    read_picture,
    read_truth,
)
from ldznet.ui.markup import Markup, element, message
from ldznet.ui.models import Loaded, Models
from ldznet.ui.run import complete_comparison, lacking, run_comparison
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import OWN, Comparison, Look, Picture, all_columns
from ldznet.ui.wiring import Changes, Report
from ldznet.ui.world import draw_word_note, is_far, replace_word

ANY_STYLE = "any"
MESSAGES = tuple(f"{place}_message" for place in ("picture", "phrases", "settings", "truth", "own"))
_COMMAND = re.compile(r"'(python -m [^']*)'")  # in a sentence


class Handlers:
    """The handlers of one app; a session's state comes in and goes out with each call.

    An answer is what `_answer` names; a complaint changes only the messages. What stands below the
    cards is drawn by a call of its own.
    """

    def __init__(self, models: Models, examples: Sequence[Example]) -> None:
        self.models = models
        self.examples = examples

    def run(
        self,
        request: gr.Request,
        report: Report,
        comparison: Comparison,
        picture: str | None,
        phrases: str,
        seed: int,
        timestep: int,
        template: str,
        truth: str | None,
        truth_phrase: str | None,
        look: Look,
    ) -> Changes:
        """Segment the picture; an answer."""
        try:
            texts = read_phrases(phrases)
            shown = read_picture(picture, comparison.picture)
            loaded = self.models.of_session(request.session_hash)
            comparison = run_comparison(
                loaded,
                shown,
                texts,
                columns=look.columns or (),
                seed=seed,
                timestep=timestep,
                template=template,
                report=numbered(report, len(look.columns or ())),
            )
        except InputError as complaint:
            return _complain(complaint)
        notes = draw_notes(loaded, comparison)
        if truth and truth_phrase in texts:
            try:
                comparison = comparison.with_truth(truth_phrase, read_truth(truth, shown))
            except InputError as complaint:
                notes["truth_message"] = message(str(complaint), "error")
        return self._answer(request, comparison, look, notes)

    def pick_example(self, event: gr.EventData, request: gr.Request, look: Look) -> Changes:
        """Show a precomputed example: the inputs it was made from, and an answer."""
        example = self.examples[int(event.pick)]
        inputs = _inputs(example.comparison.picture, example.comparison.phrases)
        answer = self._answer(request, example.comparison, look, {})
        return {**inputs, "number": example.scene, **answer}

    def random_scene(self, request: gr.Request, style: str, difficulty: str, look: Look) -> Changes:
        """`new_scene` of a number that the networks have never seen."""
        return self.new_scene(request, style, difficulty, random.randrange(TRAIN_START), look)

    def new_scene(
        self, request: gr.Request, style: str, difficulty: str, number: int | None, look: Look
    ) -> Changes:
        """Draw and segment the scene of a number, or of a random one; changes as `pick_example`."""
        if number is None:
            return self.random_scene(request, style, difficulty, look)
        try:
            with complaints_about("picture"):
                scene = draw_scene(number, None if style == ANY_STYLE else style, difficulty)
        except InputError as complaint:
            return _complain(complaint)
        changes = self._segment(request, picture_of(scene), choose_phrases(scene), look)
        return {**changes, "number": number} if "comparison" in changes else changes

    def receive(self, request: gr.Request, for_compare: Picture | None, look: Look) -> Changes:
        """Segment a picture from another tab; without phrases to ask for, only take it over."""
        if for_compare is None:
            return _messages()
        if not for_compare.phrases:
            note = message("Write what to find in this picture, then run.")
            return {**_inputs(for_compare, ()), **_messages(phrases_message=note)}
        return self._segment(request, for_compare, for_compare.phrases, look)

    def _segment(
        self, request: gr.Request, picture: Picture, phrases: tuple[str, ...], look: Look
    ) -> Changes:
        """Take over a picture and its phrases as inputs, with their result."""
        try:
            loaded = self.models.of_session(request.session_hash)
            comparison = run_comparison(loaded, picture, phrases, columns=look.columns or ())
        except InputError as complaint:
            return _complain(complaint)
        answer = self._answer(request, comparison, look, draw_notes(loaded, comparison))
        return {**_inputs(picture, phrases), **answer}

    def replace_word(self, event: gr.EventData, phrases: str) -> Changes:
        """Put a known word in place of an unknown one."""
        return {"phrases": replace_word(phrases, event.pick)}

    def suit_columns(self, request: gr.Request, columns: list[str]) -> Changes:
        """The columns for another backbone: one that can answer joins where none of them could."""
        networks = self.models.of_session(request.session_hash).segmenter.networks
        if any(name in networks for name in columns):
            return {}
        return {"columns": [*columns, next(iter(BASELINES))]}

    def complete(
        self,
        request: gr.Request,
        report: Report,
        comparison: Comparison,
        filled: Comparison | None,
        look: Look,
    ) -> Changes:
        """Run what the columns shown lack, and nothing else; for `fill`, if anything is new.

        `filled` is what it gave last, which may not have been taken over yet. A column that failed
        is tried again once it was turned off and on.
        """
        columns = look.columns or ()
        report = numbered(report, len(set(columns) - set(comparison.networks)))
        known = comparison.with_results_of(filled) if filled else comparison
        failed = {name: why for name, why in known.failed.items() if name in columns}
        lacked = [name for name in columns if name not in known.networks]
        completed = complete_comparison(
            self.models, request.session_hash, replace(known, failed=failed), lacked, report
        )
        if completed.networks == known.networks and completed.failed == known.failed:
            return {}
        return {"filled": completed}

    def fill(self, comparison: Comparison, filled: Comparison) -> Changes:
        """The comparison as it is by now, with the results of `complete`."""
        return {"comparison": comparison.with_results_of(filled)}

    def show_above(
        self, comparison: Comparison, look: Look, request: gr.Request | None = None
    ) -> Changes:
        """The first things looked at, which a moving slider redraws at once; no model runs."""
        session = request.session_hash if request else None
        absent = draw_absent(self.models, session, comparison, look)
        return {
            "cards": draw_cards(comparison, look, absent),
            "settings": describe_settings(comparison, look),
        }

    def show_below(self, comparison: Comparison, look: Look) -> Changes:
        """The rest of what follows from a comparison and a look: the pair with its choices, where
        the columns agree, and the snippets; no model runs."""
        left, right = choose_pair(comparison, look)
        choices = [(all_columns()[name].title, name) for name in _with_result(comparison, look)]
        return {
            "pair": draw_pair(comparison, look),
            "left": gr.update(choices=choices, value=left),
            "right": gr.update(choices=choices, value=right),
            "agreement": draw_agreement_card(comparison, look),
            "python": python_code(comparison, look),
            "shell": command_line(comparison, look),
        }

    def add_truth(self, comparison: Comparison, truth: str | None, truth_phrase: str) -> Changes:
        """Take an uploaded true mask."""
        try:
            if truth:
                mask = read_truth(truth, comparison.picture)
                comparison = comparison.with_truth(truth_phrase, mask)
        except InputError as complaint:
            return {"truth_message": message(str(complaint), "error")}
        return {"comparison": comparison, "truth_message": ""}

    def add_own(self, comparison: Comparison, own_mask: str | None, own_phrase: str) -> Changes:
        """Take a visitor's own mask, or without a file drop it."""
        try:
            mask = read_own(own_mask, comparison.picture) if own_mask else None
        except InputError as complaint:
            return {"own_message": message(str(complaint), "error")}
        return {"comparison": comparison.with_own(own_phrase, mask), "own_message": ""}

    def pick_own(self, comparison: Comparison, own_phrase: str) -> Changes:
        """The visitor's own mask of a phrase, if there is one."""
        return {"own_mask": comparison.picture.own.get(own_phrase)}

    def open_own(self, columns: list[str]) -> Changes:
        """Room for a visitor's own mask, only while its column is on."""
        return {"own_area": gr.Column(visible=OWN in columns)}

    def download(self, kind: str, comparison: Comparison, look: Look) -> tuple[str, bytes]:
        """Name and content of a download."""
        return f"ldznet-{kind}.zip", zip_comparison(kind, comparison, look)

    def _answer(
        self, request: gr.Request, comparison: Comparison, look: Look, notes: Changes
    ) -> Changes:
        """A comparison, its cards, and the controls that name its phrases."""
        phrases = list(comparison.phrases)
        one = gr.Dropdown(choices=phrases, value=phrases[0])
        return {
            "comparison": comparison,
            **self.show_above(comparison, replace(look, phrases=None), request),
            "shown": gr.CheckboxGroup(choices=phrases, value=phrases),
            "truth_phrase": one,
            "own_mask": comparison.picture.own.get(phrases[0]),
            "own_phrase": one,
            **_messages(**notes),
        }


def numbered(report: Report, networks: int) -> Report:
    """Says which step is under way of a run of so many networks."""
    steps = count(1)
    total = 2 + networks  # image, features, and each network

    def report_step(share: float, step: str) -> None:
        report(share, f"Step {min(next(steps), total)} of {total}: {step}")

    return report_step


def _inputs(picture: Picture, phrases: Sequence[str]) -> Changes:
    return {"picture": picture.image, "phrases": ", ".join(phrases), "truth": None}


def _complain(complaint: InputError) -> Changes:
    return _messages(**{f"{complaint.place}_message": message(str(complaint), "error")})


def _messages(**messages: str) -> Changes:
    """Changes of every message: to these, the others to none."""
    return {**dict.fromkeys(MESSAGES, ""), **messages}


def draw_absent(
    models: Models, session: str | None, comparison: Comparison, look: Look
) -> dict[str, Markup]:
    """For each column shown without a result: what is under way, what to do, or why not."""
    columns = [name for name in look.columns or () if name not in comparison.networks]
    try:
        segmenter = models.of(comparison.settings.backbone, session).segmenter
    except ValueError as error:  # that backbone made room for another
        return {name: _explain(str(error)) for name in columns}
    return {name: _draw_absent(segmenter, comparison, name) for name in columns}


def _draw_absent(segmenter: Segmenter, comparison: Comparison, name: str) -> Markup:
    if name == OWN:
        return _explain(
            "Give a mask under “Your own mask of”, as a file or from the clipboard; it has the "
            "picture's size, white is inside."
        )
    title = all_columns()[name].title
    if lacking(segmenter, comparison, [name]):
        doing = "Running" if name in segmenter.networks or name in segmenter.peers else "Loading"
        return element("p", f"{doing} {title} …", class_="doing", role="status")
    reason = comparison.failed.get(name) or segmenter.missing.get(name)
    return _explain(reason or f"{title} cannot be had here.")


def _explain(sentence: str) -> Markup:
    """A sentence whose commands are code, selected whole by one click."""
    parts = [
        element("code", part) if place % 2 else part
        for place, part in enumerate(_COMMAND.split(sentence))
    ]
    return element("p", parts, role="note")


def choose_pair(comparison: Comparison, look: Look) -> tuple[str | None, str | None]:
    """The look's left and right column, or the last two, if those have nothing to show."""
    there = _with_result(comparison, look)
    if look.left in there and look.right in there:
        return look.left, look.right
    return (there[-2:][0], there[-1]) if there else (None, None)


def _with_result(comparison: Comparison, look: Look) -> tuple[str, ...]:
    return tuple(comparison.at(look.threshold, (), look.columns))


def draw_pair(comparison: Comparison, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The overlays (h, w, 3) uint8 of the pair's columns; without any, the picture alone."""
    segmentations = comparison.at(look.threshold, look.phrases, look.columns)
    colours = colours_of(comparison, look)

    def draw(name: str | None) -> np.ndarray:
        if name is None:
            return comparison.picture.image
        masks, scale = fit(segmentations[name].mask)
        own = [colours[phrase] for phrase in segmentations[name].phrases]
        layer = overlay_layer(masks, own, look.opacity, scale, OUTLINE)
        return draw_large(comparison.picture.image, layer)

    left, right = choose_pair(comparison, look)
    return draw(left), draw(right)


def draw_notes(loaded: Loaded, comparison: Comparison) -> dict[str, Any]:
    """What a visitor should know beside a result, by the message it stands in; mostly nothing."""
    far = is_far(loaded, comparison.picture.image) and (
        f"{loaded.title} only knows its drawn world, and this picture looks unlike it, so the "
        "masks may mean little. An example or a new scene shows what it can do."
    )
    return {
        "picture_message": message(far or ""),
        "phrases_message": draw_word_note(loaded, comparison.phrases),
    }
