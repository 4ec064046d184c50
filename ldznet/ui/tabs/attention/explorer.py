"""The explorer: its opening, and its events joined to its components."""

from functools import partial
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.inspection import (
    DEFAULT_FEATURE_BLOCK,
    DEFAULT_FUSION_BLOCK,
    DEFAULT_POINT_BLOCK,
    DEFAULT_TIMESTEP,
)
from ldznet.ui.api import refusals
from ldznet.ui.components import press
from ldznet.ui.examples import read_examples
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.state import Desk
from ldznet.ui.tabs.attention.downloads import take
from ldznet.ui.tabs.attention.endpoint import add_endpoints
from ldznet.ui.tabs.attention.handlers import Handlers, read_choices
from ldznet.ui.tabs.attention.inside import Asked, Choices, Inside
from ldznet.ui.tabs.attention.layout import BEST, PRESETS, Explorer, build_layout
from ldznet.ui.tabs.attention.notes import draw_settings
from ldznet.ui.tabs.attention.page import VIEWS, Shown, look_into, show
from ldznet.ui.tabs.attention.snippets import command_line, python_code
from ldznet.ui.world import replace_word

_HOUR = 3600  # seconds that a session's results are kept
_OWN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Any view may need a pass, and passes wait for one another; a moving slider skips what is stale.
_MODEL: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
    "trigger_mode": "always_last",
    "show_progress": "minimal",  # on the hint, and only where it takes long
}
_SET_OPACITY = "(value) => document.querySelector('#explore').style.setProperty('--heat', value)"
FIRST_VIEW = "words"


def build_explorer(models: Models, desk: Desk, tabs: gr.Tabs, explore: str) -> None:
    """Build the explorer inside the tab `explore` of `tabs`; every view opens on a finished one."""
    examples = read_examples()
    choices = Choices(
        PRESETS[BEST], False, DEFAULT_POINT_BLOCK, DEFAULT_FUSION_BLOCK, DEFAULT_FEATURE_BLOCK
    )
    comparison = examples[0].comparison
    asked = Asked(comparison.phrases[0], DEFAULT_TIMESTEP, 0)
    first = look_into(models.home, comparison.picture, asked)  # the examples are of its world
    pages = {}
    for name in VIEWS:
        first, pages[name] = show(models, first, name, choices)
    notes = (
        draw_settings(first),
        python_code(first, FIRST_VIEW, choices),
        command_line(first, choices),
    )
    explorer = build_layout(examples, first, Shown(**pages), notes)
    inside = gr.State(first, time_to_live=_HOUR)
    view = gr.State(FIRST_VIEW)
    handlers = Handlers(models, examples)
    wire = _Wires(explorer, inside, view, handlers)
    wire.runs()
    wire.looks()
    wire.downloads()
    add_endpoints(models)
    desk.for_attention.change(
        handlers.take,
        [desk.for_attention, view, *explorer.inputs[1:], *explorer.controls],
        [explorer.inputs.picture, explorer.inputs.phrase, explorer.inputs.timestep, *wire.answer],
        **wire.running,
    ).then(lambda: gr.Tabs(selected=explore), outputs=tabs, **_OWN)


class _Wires:
    """The explorer's events, by what they do."""

    def __init__(
        self, explorer: Explorer, inside: gr.State, view: gr.State, handlers: Handlers
    ) -> None:
        self.explorer, self.handlers = explorer, handlers
        self.inside, self.view = inside, view
        self.session = [inside, view]
        self.running: dict[str, Any] = {**_MODEL, "show_progress_on": explorer.hint}
        self.answer = [
            inside,
            explorer.step,
            explorer.x,
            explorer.y,
            *explorer.messages,
            *explorer.shown,
            explorer.settings,
            explorer.python,
            explorer.shell,
        ]

    def runs(self) -> None:
        """What decides a picture, its words and its noise."""
        explorer, inputs = self.explorer, self.explorer.inputs
        asked = [*self.session, *inputs, *explorer.controls]
        gr.on(
            [explorer.run.click, inputs.phrase.submit, inputs.picture.upload],
            self.handlers.run,
            asked,
            self.answer,
            **self.running,
        )
        gr.on([inputs.timestep.input, inputs.seed.input], self.handlers.run, asked, self.answer,
              **self.running)  # fmt: skip
        explorer.step.input(
            self.handlers.scrub,
            [*self.session, explorer.step, *explorer.controls],
            [inputs.timestep, *self.answer],
            **self.running,
        )
        explorer.gallery.click(
            self.handlers.pick_example,
            [self.view, inputs.timestep, inputs.seed, *explorer.controls],
            [inputs.picture, inputs.phrase, *self.answer],
            **self.running,
        )
        explorer.messages.phrases.click(_replace, inputs.phrase, inputs.phrase, **_OWN).then(
            self.handlers.run, asked, self.answer, **self.running
        )
        explorer.shown.features.click(
            self.handlers.pick_frame,
            [inputs.timestep, explorer.controls.feature_block],
            [inputs.timestep, explorer.controls.feature_block],
            **_OWN,
        ).then(self.handlers.run, asked, self.answer, **self.running)

    def looks(self) -> None:
        """What decides a single view."""
        explorer, handlers, controls = self.explorer, self.handlers, self.explorer.controls
        looked = [*self.session, *controls]
        for name, tab in explorer.tabs.items():
            tab.select(partial(str, name), outputs=self.view, queue=False, **_OWN).then(
                handlers.look, looked, self.answer, **self.running
            )
        gr.on(
            [control.input for control in controls],
            handlers.look,
            looked,
            self.answer,
            **self.running,
        )
        explorer.preset.input(
            handlers.choose_preset,
            [*self.session, explorer.preset, *controls],
            [explorer.single, *controls[:4], *self.answer],
            **self.running,
        )
        explorer.shown.words.click(handlers.enlarge, looked, self.answer, **self.running)
        explorer.shown.point.select(handlers.point_at, looked, self.answer, **self.running)
        gr.on(
            [explorer.x.input, explorer.y.input],
            handlers.point,
            [*self.session, explorer.x, explorer.y, *controls],
            self.answer,
            **self.running,
        )
        explorer.opacity.change(None, explorer.opacity, js=_SET_OPACITY, **_OWN)

    def downloads(self) -> None:
        """Figures and arrays, written when they are asked for."""
        cache = self.explorer.file.GRADIO_CACHE

        def write(event: gr.EventData, inside: Inside, *controls: Any) -> tuple[Inside, str]:
            choices = read_choices(controls)
            with refusals():
                inside, name, content = take(self.handlers.models, inside, event.pick, choices)
            return inside, save_bytes_to_cache(content, name, cache)

        for shown in self.explorer.shown:
            shown.download(
                write,
                [self.inside, *self.explorer.controls],
                [self.inside, self.explorer.file],
                **{**self.running, "trigger_mode": "once"},
            ).then(None, js=press(self.explorer.file), **_OWN)


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)
