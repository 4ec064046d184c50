"""The Generate & segment tab. Components stand in `layout`, events act in `handlers`."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from ldznet.ui.components import press
from ldznet.ui.inputs import InputError
from ldznet.ui.markup import message
from ldznet.ui.models import MODEL_QUEUE, Models
from ldznet.ui.state import Desk, Look
from ldznet.ui.tabs.generate.agreement import read_agreement
from ldznet.ui.tabs.generate.endpoint import add_endpoints
from ldznet.ui.tabs.generate.first import read_first
from ldznet.ui.tabs.generate.handlers import Handlers
from ldznet.ui.tabs.generate.layout import Tab, build_layout
from ldznet.ui.tabs.generate.outputs import SKIP, Page
from ldznet.ui.tabs.generate.page import show
from ldznet.ui.world import replace_word

# Events of the page itself are no part of the API.
_OWN: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_LIGHT: dict[str, Any] = {**_OWN, "queue": False}
_MODEL: dict[str, Any] = {**_OWN, "concurrency_id": MODEL_QUEUE, "concurrency_limit": 1}


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    first, agreement = read_first(), read_agreement()
    look = Look(phrases=first.found.phrases if first.found else (), order=first.offered)
    tab = build_layout(first, show(first, look, agreement))
    handlers = Handlers(models, first, agreement)
    _wire_drawing(tab, handlers)
    _wire_finding(tab, handlers)
    _wire_handing_on(tab, handlers, desk)
    _wire_downloads(tab, handlers)
    add_endpoints(models)


def _wire_drawing(tab: Tab, handlers: Handlers) -> None:
    page, asking = tab.page, tab.asking
    inputs = [page.session, page.own, page.running, *asking, *tab.looking]

    def draw(*values: Any) -> Iterator[Page]:
        for change in handlers.draw(*values):
            yield change
            if change.session is not SKIP:
                # Gradio sends the last values twice: again they would undo a phrase chosen since.
                yield Page()

    # Whoever waits for another visitor's drawing is told so at once, by an event without a queue.
    waiting: tuple[Any, ...] = (handlers.wait, page.running, list(page))
    drawing: tuple[Any, ...] = (draw, inputs, list(page))
    for asked in (
        partial(gr.on, [page.go.click, asking.prompt.submit]),
        tab.dice.click(handlers.throw_dice, None, asking.seed, **_LIGHT).then,
        tab.examples.click(handlers.pick_prompt, None, list(asking), **_LIGHT).then,
        page.prompt_message.click(_replace, asking.prompt, asking.prompt, **_LIGHT).then,
    ):
        asked(*waiting, **_LIGHT).then(*drawing, **_MODEL)
    page.halt.click(handlers.halt, page.running, [page.halt, page.sampling_message], **_LIGHT)


def _replace(event: gr.EventData, text: str) -> str:
    return replace_word(text, event.pick)


def _wire_finding(tab: Tab, handlers: Handlers) -> None:
    page, looking = tab.page, tab.looking
    kept = [page.session, page.own]
    chosen = [page.phrases, *looking]
    running: dict[str, Any] = {
        **_MODEL,
        "show_progress": "minimal",
        "show_progress_on": tab.hint,
    }

    def find(progress: Any = gr.Progress(), *values: Any) -> Page:  # noqa: B008
        return handlers.find(_report(progress), *values)

    def find_other(progress: Any = gr.Progress(), *values: Any) -> Page:  # noqa: B008
        return handlers.find_other(_report(progress), *values)

    def replace_in_phrases(
        event: gr.EventData,
        progress: Any = gr.Progress(),  # noqa: B008
        *values: Any,
    ) -> Page:
        return handlers.replace_word(_report(progress), event, *values)

    def compare_exactly(progress: Any = gr.Progress(), *values: Any) -> Page:  # noqa: B008
        return handlers.compare_exactly(_report(progress), *values)

    page.phrases.input(find, kept + chosen, list(page), trigger_mode="always_last", **running)
    page.other.submit(find_other, [*kept, page.other, *chosen], list(page), **running)
    page.phrases_message.click(replace_in_phrases, kept + chosen, list(page), **running)
    page.check.click(compare_exactly, kept + chosen, list(page), **running)
    page.strip.click(handlers.pick_picture, kept + chosen, list(page), **_MODEL)
    gr.on(
        [looking.view.change, looking.threshold.change, looking.opacity.change],
        handlers.look,
        kept + chosen,
        list(page),
        trigger_mode="always_last",  # a moving slider asks again when the last answer is there
        **_LIGHT,
    )


def _report(progress: Any) -> Callable[[float, str], object]:
    return lambda share, step: progress(share, desc=step)


def _wire_handing_on(tab: Tab, handlers: Handlers, desk: Desk) -> None:
    page = tab.page
    kept = [page.session, page.own]
    page.to_compare.click(
        handlers.hand_to_compare,
        [*kept, page.phrases],
        [desk.for_compare, desk.tabs, *page],
        **_OWN,
    )
    page.to_attention.click(
        handlers.hand_to_attention, kept, [desk.for_attention, desk.tabs, *page], **_OWN
    )


def _wire_downloads(tab: Tab, handlers: Handlers) -> None:
    page = tab.page

    def write(kind: str, *values: Any) -> tuple[Any, str]:
        try:
            name, content = handlers.take(kind, *values)
        except InputError as complaint:
            return None, message(str(complaint), "error")  # without a file, a press does nothing
        return save_bytes_to_cache(content, name, tab.file.GRADIO_CACHE), message("")

    for kind, button in tab.downloads.items():
        chosen: Callable[..., Any] = partial(write, kind)
        button.click(
            chosen,
            [page.session, page.own, page.phrases, *tab.looking],
            [tab.file, page.phrases_message],
            **_OWN,
        ).success(None, js=press(tab.file), **_OWN)
