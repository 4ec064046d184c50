"""The Generate & segment tab: what stands on it, and which handler answers which event."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from itertools import count
from typing import Any

import gradio as gr

from ldznet.types import Generation
from ldznet.ui.components import build_code, build_downloads, build_view_controls, html, pick_html
from ldznet.ui.downloads import wire_download
from ldznet.ui.markup import Markup, element, markup
from ldznet.ui.models import Models
from ldznet.ui.state import Desk
from ldznet.ui.tabs.generate.drawing import draw_picture, draw_strip, read_agreement
from ldznet.ui.tabs.generate.endpoint import add_endpoints
from ldznet.ui.tabs.generate.handlers import (
    KINDS,
    Handlers,
    pick_prompt,
    replace_in_prompt,
    stop,
    throw_dice,
    wait,
)
from ldznet.ui.tabs.generate.session import (
    EXAMPLE_PROMPTS,
    MAX_COUNT,
    OPEN_PROMPTS,
    Request,
    Session,
    Shown,
    read_first,
)
from ldznet.ui.wiring import LIGHT, MODEL, QUIET, Joined, wire
from ldznet.ui.world import draw_vocabulary

VIEWS = ("overlay", "mask", "heat", "contour", "cutout")  # no truth is known of what is drawn
HOUR = 3600  # seconds that a session's pictures are kept
SHOWN = ("own_session", "drawn_here", "phrases", "view", "threshold", "opacity")
REQUEST = tuple(each.name for each in fields(Request))
# All that a session on the page may change.
SESSION = (
    *("own_session", "drawn_here", "running", "picture", "strip", "phrases", "other"),
    *("cards", "note", "exact", "settings", "python", "shell"),
    *("prompt_message", "sampling_message", "phrases_message"),
    *("go", "halt", "check", "to_compare", "to_attention"),
)
_HINT = '<p class="hint">Click words to find them at once; several can be on.</p>'

Components = dict[str, Any]  # by name


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    first = read_first()
    handlers = Handlers(models, first, read_agreement())
    page = build_layout(first, handlers.show(Shown(first, first.segmented)))
    page["shown"] = Joined(handlers.read_shown, SHOWN)
    page |= {"for_compare": desk.for_compare, "for_attention": desk.for_attention}
    page["tabs"] = desk.tabs
    _wire_drawing(page, handlers)
    _wire_segmenting(page, handlers)
    _wire_handing_on(page, handlers)
    for kind, button in page["downloads"].items():
        wire_download(button.click, partial(handlers.download, kind), page, **QUIET)
    add_endpoints(models)


def build_layout(first: Session, results: Mapping[str, str]) -> Components:
    """Lay out the tab, filled with a finished generation and what is shown of it."""
    page: Components = {}
    with gr.Row(elem_id="generate", elem_classes="workbench"):
        with gr.Column(elem_classes="asking", scale=0, min_width=330):
            _build_request(page, first.generation)
        with gr.Column(elem_classes="answer"):
            page["view"], page["threshold"], page["opacity"] = build_view_controls(
                VIEWS, prefix="generate-"
            )
            _build_results(page, first, results)
    page["own_session"] = gr.State(None, time_to_live=HOUR)
    page["drawn_here"] = gr.State(False)  # whether there was an own session, which it outlives
    page["running"] = gr.State(None)  # the `Event` that stops the sampler
    page["inputs"] = Joined(lambda *values: dict(zip(REQUEST, values, strict=True)), REQUEST)
    return page


def _build_request(page: Components, first: Generation) -> None:
    with gr.Column(elem_classes="asked"):
        page["prompt"] = gr.Textbox(
            first.prompt,
            label="What to draw",
            placeholder="a photo of a red ball on grass",
            lines=1,
            max_lines=4,
            elem_id="prompt",
            elem_classes="question",
        )
        page["prompt_message"] = pick_html("", elem_id="prompt-message")
        page["examples"] = pick_html(_draw_examples(), elem_id="prompts")
        with gr.Row(elem_classes="compact", elem_id="sampling"):
            page["seed"] = _number(first.seed, "Seed", "generate-seed")
            page["dice"] = gr.Button("⚄", elem_id="dice", min_width=44, scale=0)
            page["count"] = gr.Radio(
                list(range(1, MAX_COUNT + 1)),
                value=1,
                label="Pictures",
                elem_id="count",
                min_width=150,
                scale=0,
            )
        with gr.Accordion("Advanced", open=False, elem_id="generate-advanced"):
            with gr.Row(elem_classes="compact"):
                page["steps"] = _number(first.steps, "Steps", "steps")
                page["guidance"] = _number(first.guidance, "Guidance", "guidance")
            page["negative_prompt"] = gr.Textbox(
                first.negative_prompt,
                label="What to keep out",
                placeholder="negative prompt, may stay empty",
                lines=1,
                max_lines=3,
                elem_id="negative",
            )
        with gr.Row(elem_classes="compact"):
            page["go"] = gr.Button(
                "Generate", variant="primary", elem_id="go", scale=3, min_width=120
            )
            page["halt"] = gr.Button(
                "Stop", interactive=False, elem_id="halt", scale=1, min_width=80
            )
        page["sampling_message"] = html(elem_id="sampling-message")
        html(draw_vocabulary())


def _build_results(page: Components, first: Session, results: Mapping[str, str]) -> None:
    with gr.Row(elem_id="finding"):
        page["phrases"] = gr.CheckboxGroup(
            list(first.offered),
            value=list(first.segmented),
            label="What to find",
            show_label=False,
            elem_id="offered",
            elem_classes="chips",
            scale=3,
            min_width=300,
        )
        page["other"] = gr.Textbox(
            show_label=False,
            label="Something else",
            placeholder="or write: purple moon",
            lines=1,
            max_lines=1,
            elem_id="other",
            scale=1,
            min_width=180,
        )
    page["hint"] = html(_HINT, elem_id="generate-hint", elem_classes="running")
    page["phrases_message"] = pick_html("", elem_id="generate-phrases-message")
    with gr.Row(elem_id="results"):
        with gr.Column(elem_id="drawn", scale=5, min_width=260):
            page["picture"] = html(draw_picture(first), elem_id="drawing")
            page["strip"] = pick_html(
                draw_strip(first.drawn, first.place, len(first.drawn)), elem_id="strip"
            )
            with gr.Row(elem_classes="compact"):
                page["to_compare"] = gr.Button("Open in Compare", size="sm", min_width=120)
                page["to_attention"] = gr.Button("Look inside", size="sm", min_width=120)
        with gr.Column(elem_id="found", scale=8, min_width=300):
            page["cards"] = html(results["cards"], elem_id="generate-cards")
    page["settings"] = html(results["settings"], elem_id="generate-settings")
    with gr.Row(elem_id="reuse"):
        page["note"] = html(results["note"])
        page["check"] = gr.Button(
            "Compare with the exact path", elem_id="check", size="sm", scale=0, min_width=240
        )
    page["exact"] = html(results["exact"], elem_id="exact")
    with gr.Row(elem_classes="below"):
        with gr.Column(min_width=300, scale=1):
            html("<h3>Download</h3>")
            page["downloads"], page["file"] = build_downloads(KINDS, prefix="generate-")
        with gr.Column(min_width=300, scale=2):
            html("<h3>Get the same result</h3>")
            page["python"] = build_code(results["python"], "python", "Python")
            page["shell"] = build_code(results["shell"], "shell", "Command line")


def _number(value: float, label: str, elem_id: str) -> gr.Number:
    """A number as it was typed: what cannot be used is told beside it, in a sentence."""
    return gr.Number(value, label=label, elem_id=elem_id, min_width=64)


def _draw_examples() -> Markup:
    """A button per example prompt, which picks its place in both lists, one after the other.

    The page shows the list of the backbone's world; see the header.
    """
    place = count()
    worlds = (("drawn", EXAMPLE_PROMPTS), ("open", OPEN_PROMPTS))
    return markup(
        element(
            "div",
            [
                element("button", request.prompt, type="button", data_pick=next(place))
                for request in requests
            ],
            class_=f"prompts {world}-world",
        )
        for world, requests in worlds
    )


def _wire_drawing(page: Components, handlers: Handlers) -> None:
    # Whoever waits for another visitor's drawing is told so at once, by an event without a queue.
    for listen in (
        partial(gr.on, [page["go"].click, page["prompt"].submit]),
        wire(page["dice"].click, throw_dice, page, ["seed"], **LIGHT).then,
        wire(page["examples"].click, pick_prompt, page, REQUEST, **LIGHT).then,
        wire(page["prompt_message"].click, replace_in_prompt, page, ["prompt"], **LIGHT).then,
    ):
        waiting = wire(listen, wait, page, SESSION, **LIGHT)
        wire(waiting.then, handlers.draw, page, SESSION, **{**MODEL, **QUIET})
    wire(page["halt"].click, stop, page, ["halt", "sampling_message"], **LIGHT)


def _wire_segmenting(page: Components, handlers: Handlers) -> None:
    reporting = {**MODEL, "show_progress_on": page["hint"]}
    chosen = partial(page["phrases"].input, trigger_mode="always_last")
    wire(chosen, handlers.segment, page, SESSION, **reporting)
    wire(page["other"].submit, handlers.add_phrases, page, SESSION, **reporting)
    wire(page["phrases_message"].click, handlers.replace_in_phrases, page, SESSION, **reporting)
    wire(page["check"].click, handlers.compare_exactly, page, SESSION, **reporting)
    wire(page["strip"].click, handlers.pick_picture, page, SESSION, **{**MODEL, **QUIET})
    wire(
        partial(gr.on, [page[name].change for name in ("view", "threshold", "opacity")]),
        handlers.show,
        page,
        SESSION,
        trigger_mode="always_last",  # a moving slider asks again when the last answer is there
        **LIGHT,
    )


def _wire_handing_on(page: Components, handlers: Handlers) -> None:
    for button, handler, place in (
        ("to_compare", handlers.hand_to_compare, "for_compare"),
        ("to_attention", handlers.hand_to_attention, "for_attention"),
    ):
        wire(page[button].click, handler, page, [place, "tabs", *SESSION], **QUIET)
