"""The Compare tab. Components stand in `layout`, events act in `handlers`; here they are joined."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.ui.components import press
from ldznet.ui.examples import read_examples
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.run import Report
from ldznet.ui.state import FIRST_COLUMNS, OWN, Comparison, Desk, Look, read_look
from ldznet.ui.tabs.compare.downloads import zip_files
from ldznet.ui.tabs.compare.endpoint import add_endpoint
from ldznet.ui.tabs.compare.handlers import Handlers, Outputs
from ldznet.ui.tabs.compare.layout import Tab, build_layout
from ldznet.ui.tabs.compare.page import show_above, show_below
from ldznet.ui.world import replace_word

# Events of the page itself are no part of the API.
_OWN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_LIGHT: dict[str, Any] = {**_OWN, "queue": False}
_MODEL: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_id": MODEL_QUEUE,
    "concurrency_limit": 1,
    "show_progress": "minimal",
}


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    examples = read_examples()
    first = examples[0].comparison
    look = Look(columns=FIRST_COLUMNS)
    tab = build_layout(examples, show_above(models, first, look), show_below(first, look))
    comparison = gr.State(first)
    handlers = Handlers(models, examples)
    picked = _wire_runs(tab, comparison, handlers, desk)
    _wire_looking(tab, comparison, handlers)
    _wire_columns(tab, comparison, handlers, picked, desk)
    _wire_masks(tab, comparison, handlers)
    _wire_downloads(tab, comparison)
    add_endpoint(models)


def _wire_runs(
    tab: Tab, comparison: gr.State, handlers: Handlers, desk: Desk
) -> gr.events.Dependency:
    """Everything that gives another comparison; returns the event of picking an example."""
    inputs, messages = tab.inputs, tab.messages
    answer = [
        comparison,
        *tab.above,
        tab.looking.phrases,
        inputs.truth_phrase,
        *tab.own,
        *messages,
    ]
    with_inputs = [inputs.picture, inputs.phrases, inputs.truth, tab.scene.number, *answer]

    def run(progress: Any = gr.Progress(), *values: Any) -> Outputs:  # noqa: B008
        columns = read_look(*values[-len(tab.looking) :]).columns or ()
        return handlers.run(_reporter(progress, len(columns)), *values)

    def draw_random(style: str, difficulty: str, *look: Any) -> Outputs:
        return handlers.new_scene(style, difficulty, None, *look)

    run_inputs = [comparison, *inputs, *tab.looking]
    running: dict[str, Any] = {**_MODEL, "show_progress_on": tab.hint}
    picked = tab.gallery.click(handlers.pick_example, list(tab.looking), with_inputs, **_OWN)
    answers = (
        gr.on([tab.run.click, inputs.phrases.submit], run, run_inputs, answer, **running),
        tab.new_scene.click(
            draw_random,
            [tab.scene.style, tab.scene.difficulty, *tab.looking],
            with_inputs,
            **running,
        ),
        tab.scene.number.submit(
            handlers.new_scene, [*tab.scene, *tab.looking], with_inputs, **running
        ),
        desk.for_compare.change(
            handlers.receive, [desk.for_compare, *tab.looking], with_inputs, **running
        ),
        messages.phrases.click(_replace, inputs.phrases, inputs.phrases, **_OWN).then(
            run, run_inputs, answer, **running
        ),
        picked,
    )
    for event in answers:
        event.then(handlers.look_below, [comparison, *tab.looking], list(tab.below), **_LIGHT)
    return picked


def _reporter(progress: gr.Progress, networks: int) -> Report:
    """Tells a visitor which step is under way of a run of so many networks."""
    steps = count(1)
    total = 2 + networks  # image, features, and each network

    def report(share: float, step: str) -> None:
        progress(share, desc=f"Step {min(next(steps), total)} of {total}: {step}")

    return report


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)


def _wire_looking(tab: Tab, comparison: gr.State, handlers: Handlers) -> None:
    looking = tab.looking
    moved = gr.on(
        [
            looking.view.change,
            looking.threshold.change,
            looking.opacity.change,
            looking.phrases.input,  # not change: a run changes it too
            looking.left.input,
            looking.right.input,
        ],
        handlers.look_above,
        [comparison, *looking],
        list(tab.above),
        trigger_mode="always_last",  # a moving slider asks again when the last answer is there
        **_LIGHT,
    )
    moved.then(handlers.look_below, [comparison, *looking], list(tab.below), **_LIGHT)


def _look_again(
    event: gr.events.Dependency, tab: Tab, comparison: gr.State, handlers: Handlers
) -> None:
    """After an event that changed the comparison. It is kept by a quick step of its own: whatever
    else changes it meanwhile is not lost, and the controls may say something else by now."""
    inputs = [comparison, *tab.looking]
    event.then(handlers.look_above, inputs, list(tab.above), **_LIGHT).then(
        handlers.look_below, inputs, list(tab.below), **_LIGHT
    )


def _wire_columns(
    tab: Tab, comparison: gr.State, handlers: Handlers, picked: gr.events.Dependency, desk: Desk
) -> None:
    """A column that is turned on shows what is there at once, and then what it lacked."""
    looking, filled = tab.looking, gr.State()

    def complete(progress: Any = gr.Progress(), *values: Any) -> Any:  # noqa: B008
        found, _, *look = values
        lacked = set(read_look(*look).columns or ()) - set(found.networks)
        return handlers.complete(_reporter(progress, len(lacked)), *values)

    turned = looking.columns.input(
        handlers.look_above,
        [comparison, *looking],
        list(tab.above),
        trigger_mode="always_last",
        **_LIGHT,
    )
    turned.then(handlers.look_below, [comparison, *looking], list(tab.below), **_LIGHT)
    suited = desk.backbone.change(
        handlers.suit_columns, looking.columns, looking.columns, **_LIGHT
    ).then(handlers.look_above, [comparison, *looking], list(tab.above), **_LIGHT)
    for event in (turned, picked, suited):
        event.then(
            complete,
            [comparison, filled, *looking],
            filled,
            trigger_mode="always_last",  # what is turned on meanwhile is run afterwards
            show_progress_on=tab.hint,
            **_MODEL,
        )
    kept = filled.change(handlers.fill, [comparison, filled], comparison, **_LIGHT)
    _look_again(kept, tab, comparison, handlers)


def _wire_masks(tab: Tab, comparison: gr.State, handlers: Handlers) -> None:
    """Masks that the visitor gives: true ones, and those of the column of their own."""
    inputs, own, messages = tab.inputs, tab.own, tab.messages
    tab.looking.columns.input(
        lambda columns: gr.Column(visible=OWN in columns),
        tab.looking.columns,
        tab.own_area,
        **_LIGHT,
    )
    own.phrase.input(handlers.pick_own, [comparison, own.phrase], own.mask, **_LIGHT)
    for take, mask, phrase, said in (
        (handlers.add_truth, inputs.truth, inputs.truth_phrase, messages.truth),
        (handlers.add_own, own.mask, own.phrase, messages.own),
    ):
        added = mask.input(take, [comparison, mask, phrase], [comparison, said], **_OWN)
        _look_again(added, tab, comparison, handlers)


def _wire_downloads(tab: Tab, comparison: gr.State) -> None:
    def write(kind: str, found: Comparison, *look: Any) -> str:
        content = zip_files(kind, found, read_look(*look))
        return save_bytes_to_cache(content, f"ldznet-{kind}.zip", tab.file.GRADIO_CACHE)

    for kind, button in tab.downloads.items():
        chosen: Callable[..., str] = partial(write, kind)
        button.click(chosen, [comparison, *tab.looking], tab.file, **_OWN).then(
            None, js=press(tab.file), **_OWN
        )
