"""What happens on each event of the explorer: values come in by name, changes go out by name.

A session comes in and goes out with each call. An answer changes the session, the sampler's step,
the point, the messages, the view now visible (only that is computed), the settings line and both
codes; a complaint changes only the messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any

import gradio as gr

from ldznet.backbone.ldm import check_seed
from ldznet.blocks import BLOCKS
from ldznet.inspection import DEFAULT_BLOCKS, DEFAULT_TIMESTEP
from ldznet.phrases import check_phrases
from ldznet.types import Generation
from ldznet.ui.api import refusals
from ldznet.ui.examples import Example
from ldznet.ui.inputs import InputError, complaints_about, read_picture, read_whole
from ldznet.ui.markup import Markup, message
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import Drawing, Picture
from ldznet.ui.tabs.attention.session import (
    LEVELS,
    Choices,
    Inspection,
    Question,
    look_into,
    look_into_drawing,
)
from ldznet.ui.tabs.attention.snippets import command_line, python_code
from ldznet.ui.tabs.attention.views import VIEWS, Backbones, draw_settings, show, take_home
from ldznet.ui.wiring import Changes
from ldznet.ui.world import draw_word_note, is_far

BEST, ALL, CHOOSE = "best", "all", "choose…"  # the last shows the single blocks
PRESETS: dict[str, tuple[int, ...]] = {
    BEST: DEFAULT_BLOCKS,
    **{f"{stride}×": blocks for stride, blocks in LEVELS.items()},
    ALL: tuple(BLOCKS),
}
GROUPS = {stride: f"blocks_{stride}" for stride in LEVELS}  # the components' names, by stride
MESSAGES = ("picture", "phrases", "settings", "blocks", "point")  # places beside a control
ANSWER = (
    "inspection",
    "step",
    "x",
    "y",
    *(f"{place}_message" for place in MESSAGES),
    *(f"{name}_view" for name in VIEWS),
    "settings",
    "python",
    "shell",
)
AT_STEP = "The latent as it was while this picture was drawn."
OFF_STEPS = (
    "Timestep {timestep} is none of these steps, so fresh noise lies on the finished latent."
)
FAR = (
    "Pocket only knows its drawn world, and this picture looks unlike it, so the maps may mean "
    "little. An example shows what it can do."
)
STRANGER = (
    "{title} looks at this picture as at any other; the steps it was drawn in belong to {drawer}."
)

Notes = dict[str, Markup]  # HTML beside a control, by its place


def read_choices(
    blocks_1: Sequence[int],
    blocks_2: Sequence[int],
    blocks_4: Sequence[int],
    blocks_8: Sequence[int],
    common: bool,
    block: int,
    fusion_block: int,
    feature_block: int,
) -> Choices:
    """What the controls of the views say; blocks come by their stride."""
    return Choices(
        blocks=tuple(sorted([*blocks_1, *blocks_2, *blocks_4, *blocks_8])),
        common=bool(common),
        block=int(block),
        fusion_block=int(fusion_block),
        feature_block=int(feature_block),
    )


def _or_complain(handler: Callable[..., Changes]) -> Callable[..., Changes]:
    """The handler; a complaint inside it changes only the messages."""

    @wraps(handler)
    def handle(*values: Any, **named: Any) -> Changes:
        try:
            return handler(*values, **named)
        except InputError as complaint:
            return _messages({complaint.place: message(str(complaint), "error")})

    return handle


@dataclass(frozen=True)
class Handlers:
    """The handlers of one app; a `question` comes as it was typed."""

    models: Models
    examples: Sequence[Example]

    @_or_complain
    def run(
        self,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        picture: str | None,
        question: Question,
        choices: Choices,
    ) -> Changes:
        """Look into the picture of a file with other words or settings."""
        now, before = self.models.of_session(request.session_hash), inspection
        question = question._replace(phrase=_read_phrase(now, question.phrase))
        current = read_picture(picture, before.picture)
        question = _read_noise(now, question)
        if current is not before.picture or now.backbone != before.backbone:
            with complaints_about("picture"):
                inspection = look_into(now, current, question)
        elif question != before.question:
            inspection = replace(before, question=question, word=None)
        inspection, notes = self._note(request, inspection)
        if before.generation and current is before.picture and not inspection.generation:
            stranger = STRANGER.format(title=now.title, drawer=before.backbone)
            notes["picture"] = message(stranger)
        return self._answer(request, inspection, notes, view, choices)

    @_or_complain
    def scrub(
        self,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        step: int,
        choices: Choices,
    ) -> Changes:
        """Look at one step (1 the first) of the sampler; changes the timestep too."""
        steps = len(inspection.visited)
        if step not in range(1, steps + 1):
            sentence = f"Choose one of the {steps} steps that this picture was drawn in."
            raise InputError("settings", sentence)
        timestep = inspection.visited[int(step) - 1]
        question = inspection.question._replace(timestep=timestep)
        answer = self._noted(request, replace(inspection, question=question), view, choices)
        answer["step"].pop("value")  # it may have moved on meanwhile
        return {**answer, "timestep": timestep}

    @_or_complain
    def pick_example(
        self,
        event: gr.EventData,
        request: gr.Request,
        view: str,
        question: Question,
        choices: Choices,
    ) -> Changes:
        """Look into an example; changes picture and phrase too."""
        now = self.models.of_session(request.session_hash)
        comparison = self.examples[int(event.pick)].comparison
        phrase = comparison.phrases[0]
        question = _read_noise(now, question._replace(phrase=phrase))
        inspection = look_into(now, comparison.picture, question)
        answer = self._answer(request, inspection, {}, view, choices)
        return {**answer, "picture": comparison.picture.image, "phrase": phrase}

    @_or_complain
    def receive(
        self,
        request: gr.Request,
        arrived: Drawing | Picture | None,
        view: str,
        question: Question,
        choices: Choices,
    ) -> Changes:
        """Look into what another tab handed on; changes picture, phrase and timestep too."""
        if arrived is None:
            return {}
        if isinstance(arrived, Drawing):
            with complaints_about("picture"):
                drawer = self._backbones(request)(arrived.backbone)
            prompt, first = arrived.generation.prompt, _first_timestep(arrived.generation)
            question = _read_noise(drawer, question._replace(phrase=prompt, timestep=first))
            inspection = look_into_drawing(arrived, question)
        else:
            now = self.models.of_session(request.session_hash)
            phrase = _read_phrase(now, next(iter(arrived.phrases), question.phrase))
            question = _read_noise(now, question._replace(phrase=phrase))
            inspection = look_into(now, arrived, question)
        answer = self._noted(request, inspection, view, choices)
        image, (phrase, timestep, _) = inspection.picture.image, question
        return {**answer, "picture": image, "phrase": phrase, "timestep": timestep}

    @_or_complain
    def look(
        self, request: gr.Request, inspection: Inspection, view: str, choices: Choices
    ) -> Changes:
        """The view now visible, or the same with other choices."""
        return self._noted(request, inspection, view, choices)

    def choose_preset(
        self,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        preset: str,
        choices: Choices,
    ) -> Changes:
        """Another set of blocks for the words, or the row to choose single ones."""
        changes: dict[str, Any] = {"single": gr.Row(visible=preset not in PRESETS)}
        if preset in PRESETS:
            choices = choices._replace(blocks=PRESETS[preset])
            changes |= group_blocks(choices.blocks)
        return {**changes, **self.look(request, inspection, view, choices)}

    @_or_complain
    def point(
        self,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        x: float,
        y: float,
        choices: Choices,
    ) -> Changes:
        """Look from another point, in pixels of the image; no model runs."""
        with complaints_about("point"):
            point = read_whole("x", x), read_whole("y", y)
        answer = self.look(request, replace(inspection, point=point), view, choices)
        # More may have been typed meanwhile.
        return {name: value for name, value in answer.items() if name not in ("x", "y")}

    def point_at(
        self,
        event: gr.EventData,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        choices: Choices,
    ) -> Changes:
        """The same for a click, whose event tells shares of the picture's width and height."""
        height, width = inspection.subject.image.shape[:2]
        point = int(event.x * width), int(event.y * height)
        return self.look(request, replace(inspection, point=point), view, choices)

    def enlarge(
        self,
        event: gr.EventData,
        request: gr.Request,
        inspection: Inspection,
        view: str,
        choices: Choices,
    ) -> Changes:
        """Show another word large; no model runs."""
        word = int(event.pick.removeprefix("word:"))
        return self.look(request, replace(inspection, word=word), view, choices)

    def download(
        self, event: gr.EventData, request: gr.Request, inspection: Inspection, choices: Choices
    ) -> tuple[str, bytes, Changes]:
        """The file of a pick such as "png:words": its name and content, and what changes."""
        backbones = self._backbones(request)
        with refusals():
            inspection, name, content = take_home(backbones, inspection, event.pick, choices)
        return name, content, {"inspection": inspection}

    def pick_frame(self, event: gr.EventData) -> Changes:
        """The timestep or the block after a click on a frame of a strip of features."""
        strip, value = event.pick.split(":")
        return {"timestep" if strip == "timesteps" else "feature_block": int(value)}

    def _backbones(self, request: gr.Request) -> Backbones:
        return partial(self.models.of, session=request.session_hash)

    def _noted(
        self, request: gr.Request, inspection: Inspection, view: str, choices: Choices
    ) -> dict[str, Any]:
        inspection, notes = self._note(request, inspection)
        return self._answer(request, inspection, notes, view, choices)

    def _note(self, request: gr.Request, inspection: Inspection) -> tuple[Inspection, Notes]:
        """What a visitor should know beside the result, by the control it concerns."""
        phrase = inspection.question.phrase

        def loaded() -> Loaded:
            with complaints_about("picture"):
                return self._backbones(request)(inspection.backbone)

        def looks_far() -> bool:
            return not inspection.generation and is_far(loaded(), inspection.picture.image)

        inspection, far = inspection.recall("far", "", looks_far)
        inspection, words = inspection.recall(
            "unknown", phrase, lambda: draw_word_note(loaded(), [phrase])
        )
        return inspection, {"picture": message(FAR if far else ""), "phrases": words}

    def _answer(
        self,
        request: gr.Request,
        inspection: Inspection,
        notes: Notes,
        view: str,
        choices: Choices,
    ) -> dict[str, Any]:
        inspection, drawn = show(self._backbones(request), inspection, view, choices)
        x, y = inspection.point
        return {
            "inspection": inspection,
            "step": step_slider(inspection),
            "x": x,
            "y": y,
            **_messages(notes),
            f"{view}_view": drawn,
            "settings": draw_settings(inspection),
            "python": python_code(inspection, view, choices),
            "shell": command_line(inspection, choices),
        }


def group_blocks(blocks: Sequence[int]) -> dict[str, list[int]]:
    """The blocks parted by stride, by the components' names."""
    return {
        GROUPS[stride]: [number for number in level if number in blocks]
        for stride, level in LEVELS.items()
    }


def step_slider(inspection: Inspection) -> dict[str, Any]:
    """The slider over the sampler's steps, there only for a picture drawn here."""
    if not inspection.visited:
        return gr.update(visible=False)
    update = gr.update(visible=True, maximum=len(inspection.visited))
    if inspection.step:
        return update | {"value": inspection.step, "info": AT_STEP}
    return update | {"info": OFF_STEPS.format(timestep=inspection.question.timestep)}


def _read_phrase(loaded: Loaded, text: str | None) -> str:
    with complaints_about("phrases"):
        (phrase,) = check_phrases([text or ""])
        loaded.segmenter.backbone.encode_text([phrase])  # to hear whether it is too long
    return phrase


def _read_noise(loaded: Loaded, typed: Question) -> Question:
    """The question with its timestep and seed read."""
    phrase, timestep, seed = typed
    with complaints_about("settings"):
        question = Question(phrase, read_whole("timestep", timestep), read_whole("seed", seed))
        loaded.segmenter.backbone.check_timestep(question.timestep)
        check_seed(question.seed)
    return question


def _first_timestep(generation: Generation) -> int:
    """The visited timestep to look at first: that of the features, else the nearest to others'."""
    if generation.feature_timestep is not None:
        return generation.feature_timestep
    return min(
        generation.trajectory,
        key=lambda each: abs(each - DEFAULT_TIMESTEP),
        default=DEFAULT_TIMESTEP,
    )


def _messages(notes: Notes) -> dict[str, Any]:
    """A message for every place, mostly an empty one."""
    return {f"{place}_message": notes.get(place, "") for place in MESSAGES}
