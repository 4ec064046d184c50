"""What happens on each event of the explorer: values in, values of the outputs out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from ldznet.backbone.ldm import check_seed
from ldznet.inspection import DEFAULT_TIMESTEP, subject_of_generation
from ldznet.phrases import check_phrases
from ldznet.types import Generation
from ldznet.ui.examples import Example
from ldznet.ui.inputs import InputError, complaints_about, read_picture, read_whole
from ldznet.ui.markup import message
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import Drawing, Picture
from ldznet.ui.tabs.attention.inside import Asked, Choices, Inside, first_point
from ldznet.ui.tabs.attention.layout import PRESETS, Messages
from ldznet.ui.tabs.attention.notes import draw_settings
from ldznet.ui.tabs.attention.page import Shown, look_into, show
from ldznet.ui.tabs.attention.snippets import command_line, python_code
from ldznet.ui.world import draw_word_note, is_far

SKIP = gr.skip()  # leaves an output as it is
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
Outputs = tuple[Any, ...]
Notes = dict[str, str]  # what is said, by the field of `Messages`


def read_choices(controls: Sequence[Any]) -> Choices:
    """What the components of `Controls` say."""
    *groups, common, block, fusion_block, feature_block = controls
    return Choices(
        blocks=tuple(sorted(number for group in groups for number in group)),
        common=bool(common),
        block=int(block),
        fusion_block=int(fusion_block),
        feature_block=int(feature_block),
    )


class Handlers:
    """The handlers of one app; a session's state comes in and goes out with each call.

    An answer is the session, the step's slider, x, y, the `Messages`, the fields of `Shown`, the
    settings line and both codes; a complaint changes only the messages. `controls` are the values
    of `Controls`, `view` is the one visible: only that is computed.
    """

    def __init__(self, models: Models, examples: Sequence[Example]) -> None:
        self.models = models
        self.examples = examples

    def run(
        self,
        inside: Inside,
        view: str,
        path: str | None,
        text: str,
        timestep: int | None,
        seed: int | None,
        *controls: Any,
    ) -> Outputs:
        """Look into the picture of a file with other words or settings; an answer."""
        try:
            now = self.models.now
            phrase = _read_phrase(now, text)
            picture = read_picture(path, inside.picture)
            asked = _read_settings(now, phrase, timestep, seed)
            before = inside
            if picture is not before.picture or now.backbone != before.backbone:
                with complaints_about("picture"):
                    inside = look_into(now, picture, asked)
            elif asked != before.asked:
                inside = replace(before, asked=asked, word=None)
            inside, said = self._note(inside)
            if before.generation and picture is before.picture and not inside.generation:
                said["picture"] = message(STRANGER.format(title=now.title, drawer=before.backbone))
            return self._answer(inside, said, view, controls)
        except InputError as complaint:
            return complain(complaint)

    def scrub(self, inside: Inside, view: str, step: int, *controls: Any) -> Outputs:
        """Look at one step (1 the first) of the sampler; the timestep and an answer."""
        steps = len(inside.visited)
        if step not in range(1, steps + 1):
            said = f"Choose one of the {steps} steps that this picture was drawn in."
            return (SKIP, *complain(InputError("settings", said)))
        timestep = inside.visited[int(step) - 1]
        inside = replace(inside, asked=inside.asked._replace(timestep=timestep))
        try:
            inside, slider, *rest = self._answer(*self._note(inside), view, controls)
        except InputError as complaint:
            return (SKIP, *complain(complaint))
        slider.pop("value")  # it may have moved on meanwhile
        return (timestep, inside, slider, *rest)

    def pick_example(
        self,
        event: gr.EventData,
        view: str,
        timestep: int | None,
        seed: int | None,
        *controls: Any,
    ) -> Outputs:
        """Look into an example; picture, phrase and an answer."""
        comparison = self.examples[int(event.pick)].comparison
        phrase = comparison.phrases[0]
        now = self.models.now
        try:
            asked = _read_settings(now, phrase, timestep, seed)
            inside = look_into(now, comparison.picture, asked)
            answer = self._answer(inside, {}, view, controls)
        except InputError as complaint:
            return (SKIP, SKIP, *complain(complaint))
        return (comparison.picture.image, phrase, *answer)

    def take(
        self,
        arrived: Drawing | Picture | None,
        view: str,
        text: str,
        timestep: int | None,
        seed: int | None,
        *controls: Any,
    ) -> Outputs:
        """Look into what another tab handed on; picture, phrase, timestep and an answer."""
        if arrived is None:
            return (SKIP,) * (3 + len(complain(InputError("picture", ""))))
        try:
            if isinstance(arrived, Drawing):
                with complaints_about("picture"):
                    drawer = self.models.of(arrived.backbone)
                first = _first_timestep(arrived.generation)
                asked = _read_settings(drawer, arrived.generation.prompt, first, seed)
                inside = _look_into_drawing(arrived, asked)
            else:
                now = self.models.now
                phrase = _read_phrase(now, next(iter(arrived.ask), text))
                asked = _read_settings(now, phrase, timestep, seed)
                inside = look_into(now, arrived, asked)
            answer = self._answer(*self._note(inside), view, controls)
        except InputError as complaint:
            return (SKIP,) * 3 + complain(complaint)
        return (inside.picture.image, inside.asked.phrase, inside.asked.timestep, *answer)

    def look(self, inside: Inside, view: str, *controls: Any) -> Outputs:
        """The view now visible, or the same with other choices; an answer."""
        try:
            return self._answer(*self._note(inside), view, controls)
        except InputError as complaint:
            return complain(complaint)

    def choose_preset(self, inside: Inside, view: str, name: str, *controls: Any) -> Outputs:
        """Another set of blocks for the words, or the row to choose single ones.

        The row, its four groups and an answer.
        """
        groups = blocks_by_stride(PRESETS[name]) if name in PRESETS else controls[:4]
        row = gr.Row(visible=name not in PRESETS)
        return (row, *groups, *self.look(inside, view, *groups, *controls[4:]))

    def point(self, inside: Inside, view: str, x: float, y: float, *controls: Any) -> Outputs:
        """Look from another point, in pixels of the image; an answer. No model runs."""
        try:
            with complaints_about("point"):
                inside = replace(inside, point=(read_whole("x", x), read_whole("y", y)))
        except InputError as complaint:
            return complain(complaint)
        inside, step, _, _, *rest = self.look(inside, view, *controls)
        return (inside, step, SKIP, SKIP, *rest)  # more may have been typed meanwhile

    def point_at(self, event: gr.EventData, inside: Inside, view: str, *controls: Any) -> Outputs:
        """The same for a click, which tells shares of the picture's width and height."""
        height, width = inside.subject.image.shape[:2]
        point = int(event.x * width), int(event.y * height)
        return self.look(replace(inside, point=point), view, *controls)

    def enlarge(self, event: gr.EventData, inside: Inside, view: str, *controls: Any) -> Outputs:
        """Show another word large; an answer. No model runs."""
        word = int(event.pick.removeprefix("word:"))
        return self.look(replace(inside, word=word), view, *controls)

    def pick_frame(self, event: gr.EventData, timestep: int, block: int) -> tuple[int, int]:
        """The timestep and the block after a click on a frame of a strip of features."""
        strip, value = event.pick.split(":")
        return (int(value), block) if strip == "timesteps" else (timestep, int(value))

    def _note(self, inside: Inside) -> tuple[Inside, Notes]:
        """What a visitor should know beside the result, by the control it concerns."""
        picture, phrase = inside.picture, inside.asked.phrase

        def looks_far() -> bool:
            return not inside.generation and is_far(self._of(inside), picture.image)

        def note_words() -> str:
            return draw_word_note(self._of(inside), [phrase])

        inside, far = inside.recall("far", "", looks_far)
        inside, words = inside.recall("unknown", phrase, note_words)
        return inside, {"picture": message(FAR if far else ""), "phrases": words}

    def _of(self, inside: Inside) -> Loaded:
        """The backbone that the session looks into; a complaint if it is loaded no more."""
        with complaints_about("picture"):
            return self.models.of(inside.backbone)

    def _answer(self, inside: Inside, said: Notes, view: str, controls: Sequence[Any]) -> Outputs:
        choices = read_choices(controls)
        inside, drawn = show(self.models, inside, view, choices)
        shown = Shown(*(SKIP,) * len(Shown._fields))._replace(**{view: drawn})
        return (
            inside,
            step_slider(inside),
            *inside.point,
            *_messages(said),
            *shown,
            draw_settings(inside),
            python_code(inside, view, choices),
            command_line(inside, choices),
        )


def _read_phrase(loaded: Loaded, text: str | None) -> str:
    with complaints_about("phrases"):
        (phrase,) = check_phrases([" ".join((text or "").split())])
        loaded.segmenter.backbone.encode_text([phrase])  # to hear whether it is too long
    return phrase


def _read_settings(loaded: Loaded, phrase: str, timestep: int | None, seed: int | None) -> Asked:
    with complaints_about("settings"):
        asked = Asked(phrase, read_whole("timestep", timestep), read_whole("seed", seed))
        loaded.segmenter.backbone.check_timestep(asked.timestep)
        check_seed(asked.seed)
    return asked


def _first_timestep(generation: Generation) -> int:
    """The visited timestep to look at first: that of the features, else the nearest to others'."""
    if generation.feature_timestep is not None:
        return generation.feature_timestep
    return min(
        generation.trajectory,
        key=lambda each: abs(each - DEFAULT_TIMESTEP),
        default=DEFAULT_TIMESTEP,
    )


def _look_into_drawing(drawing: Drawing, asked: Asked) -> Inside:
    generation = drawing.generation
    subject = subject_of_generation(generation)
    about = f"generated from “{generation.prompt}”, seed {generation.seed}"
    picture = Picture(generation.image, about)
    point = first_point(picture, asked.phrase, subject.image.shape[:2])
    return Inside(picture, drawing.backbone, subject, asked, point, generation=generation)


def blocks_by_stride(blocks: Sequence[int]) -> tuple[list[int], ...]:
    """The blocks parted as the four groups of `Controls` are."""
    return tuple(
        [number for number in PRESETS[f"{stride}×"] if number in blocks] for stride in (1, 2, 4, 8)
    )


def step_slider(inside: Inside) -> dict[str, Any]:
    """The slider over the sampler's steps, there only for a picture drawn here."""
    if not inside.visited:
        return gr.update(visible=False)
    update = gr.update(visible=True, maximum=len(inside.visited))
    if inside.step:
        return update | {"value": inside.step, "info": AT_STEP}
    return update | {"info": OFF_STEPS.format(timestep=inside.asked.timestep)}


def complain(complaint: InputError) -> Outputs:
    """An answer that changes only the message beside a control."""
    said = _messages({complaint.place: message(str(complaint), "error")})
    return (SKIP,) * 4 + said + (SKIP,) * (len(Shown._fields) + 3)


def _messages(said: Notes) -> Outputs:
    return tuple(said.get(place, "") for place in Messages._fields)
