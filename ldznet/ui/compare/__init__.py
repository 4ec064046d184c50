"""The Compare tab. Components stand in `layout`, events act in `handlers`; here they are joined."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.ui.compare.downloads import zip_files
from ldznet.ui.compare.endpoint import add_endpoint
from ldznet.ui.compare.handlers import Handlers, Outputs
from ldznet.ui.compare.layout import Tab, build_layout
from ldznet.ui.compare.page import show_above, show_below
from ldznet.ui.comparison import Comparison
from ldznet.ui.controls import press
from ldznet.ui.desk import Desk
from ldznet.ui.examples import read_examples
from ldznet.ui.look import Look, read_look
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.words import replace_word

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
    above, below = show_above(models, first, Look()), show_below(models, first, Look())
    tab = build_layout(examples, above, below, models.titles)
    comparison = gr.State(first)
    handlers = Handlers(models, examples)
    _wire_runs(tab, comparison, handlers, desk)
    _wire_looking(tab, comparison, handlers)
    _wire_downloads(tab, comparison)
    add_endpoint(models)


def _wire_runs(tab: Tab, comparison: gr.State, handlers: Handlers, desk: Desk) -> None:
    inputs, messages = tab.inputs, tab.messages
    answer = [
        comparison,
        *tab.above,
        *tab.below,
        tab.looking.phrases,
        inputs.truth_phrase,
        *messages,
    ]
    with_inputs = [inputs.picture, inputs.phrases, inputs.truth, tab.scene.number, *answer]

    def run(progress: Any = gr.Progress(), *values: Any) -> Outputs:  # noqa: B008
        steps = count(1)
        total = 2 + len(handlers.models.titles)  # image, features, and each network

        def report(share: float, step: str) -> None:
            progress(share, desc=f"Step {min(next(steps), total)} of {total}: {step}")

        return handlers.run(report, *values)

    def draw_random(style: str, difficulty: str, *look: Any) -> Outputs:
        return handlers.new_scene(style, difficulty, None, *look)

    run_inputs = [comparison, *inputs, *tab.looking]
    running: dict[str, Any] = {**_MODEL, "show_progress_on": tab.hint}
    gr.on([tab.run.click, inputs.phrases.submit], run, run_inputs, answer, **running)
    tab.new_scene.click(
        draw_random,
        [tab.scene.style, tab.scene.difficulty, *tab.looking],
        with_inputs,
        **running,
    )
    tab.scene.number.submit(handlers.new_scene, [*tab.scene, *tab.looking], with_inputs, **running)
    desk.for_compare.change(
        handlers.receive, [desk.for_compare, *tab.looking], with_inputs, **running
    )
    tab.gallery.click(handlers.pick_example, list(tab.looking), with_inputs, **_OWN)
    messages.phrases.click(_replace, inputs.phrases, inputs.phrases, **_OWN).then(
        run, run_inputs, answer, **running
    )
    inputs.truth.input(
        handlers.add_truth,
        [comparison, inputs.truth, inputs.truth_phrase, *tab.looking],
        [comparison, *tab.above, *tab.below, messages.truth],
        **_OWN,
    )


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)


def _wire_looking(tab: Tab, comparison: gr.State, handlers: Handlers) -> None:
    looking = tab.looking
    gr.on(
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
    ).then(handlers.look_below, [comparison, *looking], list(tab.below), **_LIGHT)


def _wire_downloads(tab: Tab, comparison: gr.State) -> None:
    def write(kind: str, found: Comparison, *look: Any) -> str:
        content = zip_files(kind, found, read_look(*look))
        return save_bytes_to_cache(content, f"ldznet-{kind}.zip", tab.file.GRADIO_CACHE)

    for kind, button in tab.downloads.items():
        chosen: Callable[..., str] = partial(write, kind)
        button.click(chosen, [comparison, *tab.looking], tab.file, **_OWN).then(
            None, js=press(tab.file), **_OWN
        )
