"""The components of the Generate & segment tab and where they stand."""

from collections.abc import Iterable
from html import escape
from itertools import count
from typing import NamedTuple

import gradio as gr

from ldznet.ui.components import build_code, build_downloads, build_view_controls, html, pick_html
from ldznet.ui.tabs.generate.downloads import KINDS
from ldznet.ui.tabs.generate.drawing import draw_picture, draw_strip
from ldznet.ui.tabs.generate.outputs import Page
from ldznet.ui.tabs.generate.page import Shown
from ldznet.ui.tabs.generate.prompts import EXAMPLE_PROMPTS, OPEN_PROMPTS
from ldznet.ui.tabs.generate.request import MAX_COUNT, Request
from ldznet.ui.tabs.generate.session import Session
from ldznet.ui.world import draw_vocabulary

VIEWS = ("overlay", "mask", "heat", "contour", "cutout")  # no truth is known of what is drawn
HOUR = 3600  # seconds that a session's pictures are kept
_HINT = '<p class="hint">Click words to find them at once; several can be on.</p>'


class Asking(NamedTuple):
    """What decides a drawing, in the order of a `Request`'s fields."""

    prompt: gr.Textbox
    negative_prompt: gr.Textbox
    steps: gr.Number
    guidance: gr.Number
    seed: gr.Number
    pictures: gr.Radio


class Looking(NamedTuple):
    """How results are shown."""

    view: gr.Radio
    threshold: gr.Slider
    opacity: gr.Slider


class Tab(NamedTuple):
    """All components of the tab that take part in an event."""

    asking: Asking
    looking: Looking
    page: Page
    dice: gr.Button
    examples: gr.HTML
    hint: gr.HTML
    downloads: dict[str, gr.Button]
    file: gr.DownloadButton


def build_layout(first: Session, shown: Shown) -> Tab:
    """Lay out the tab, filled with what is shown of a finished generation."""
    with gr.Row(elem_id="generate", elem_classes="workbench"):
        with gr.Column(elem_classes="asking", scale=0, min_width=330):
            asking, parts = _build_asking(first)
        with gr.Column(elem_classes="answer"):
            view = build_view_controls(VIEWS, prefix="generate-")
            answer = _build_answer(first, shown)
    page = Page(
        session=gr.State(None, time_to_live=HOUR),
        own=gr.State(False),
        running=gr.State(None),
        **{name: parts.pop(name) for name in ("prompt_message", "sampling_message", "go", "halt")},
        **{name: answer.pop(name) for name in Page._fields if name in answer},
    )
    return Tab(asking=asking, looking=Looking(*view), page=page, **parts, **answer)


def _build_asking(first: Session) -> tuple[Asking, dict]:
    generation = first.generation
    with gr.Column(elem_classes="asked"):
        prompt = gr.Textbox(
            generation.prompt,
            label="What to draw",
            placeholder="a photo of a red ball on grass",
            lines=1,
            max_lines=4,
            elem_id="prompt",
            elem_classes="question",
        )
        prompt_message = pick_html("", elem_id="prompt-message")
        examples = pick_html(_draw_examples(), elem_id="prompts")
        with gr.Row(elem_classes="compact", elem_id="sampling"):
            seed = _number(generation.seed, "Seed", "generate-seed")
            dice = gr.Button("⚄", elem_id="dice", min_width=44, scale=0)
            pictures = gr.Radio(
                list(range(1, MAX_COUNT + 1)),
                value=1,
                label="Pictures",
                elem_id="count",
                min_width=150,
                scale=0,
            )
        with gr.Accordion("Advanced", open=False, elem_id="generate-advanced"):
            with gr.Row(elem_classes="compact"):
                steps = _number(generation.steps, "Steps", "steps")
                guidance = _number(generation.guidance, "Guidance", "guidance")
            negative = gr.Textbox(
                generation.negative_prompt,
                label="What to keep out",
                placeholder="negative prompt, may stay empty",
                lines=1,
                max_lines=3,
                elem_id="negative",
            )
        with gr.Row(elem_classes="compact"):
            go = gr.Button("Generate", variant="primary", elem_id="go", scale=3, min_width=120)
            halt = gr.Button("Stop", interactive=False, elem_id="halt", scale=1, min_width=80)
        sampling_message = html(elem_id="sampling-message")
        html(draw_vocabulary())
    asking = Asking(prompt, negative, steps, guidance, seed, pictures)
    parts = {
        "prompt_message": prompt_message,
        "sampling_message": sampling_message,
        "go": go,
        "halt": halt,
        "dice": dice,
        "examples": examples,
    }
    return asking, parts


def _build_answer(first: Session, shown: Shown) -> dict:
    chosen = list(first.found.phrases) if first.found else []
    with gr.Row(elem_id="finding"):
        phrases = gr.CheckboxGroup(
            list(first.offered),
            value=chosen,
            label="What to find",
            show_label=False,
            elem_id="offered",
            elem_classes="chips",
            scale=3,
            min_width=300,
        )
        other = gr.Textbox(
            show_label=False,
            label="Something else",
            placeholder="or write: purple moon",
            lines=1,
            max_lines=1,
            elem_id="other",
            scale=1,
            min_width=180,
        )
    hint = html(_HINT, elem_id="generate-hint", elem_classes="running")
    phrases_message = pick_html("", elem_id="generate-phrases-message")
    with gr.Row(elem_id="results"):
        with gr.Column(elem_id="drawn", scale=5, min_width=260):
            picture = html(draw_picture(first), elem_id="drawing")
            strip = pick_html(draw_strip(first.drawn, 0, len(first.drawn)), elem_id="strip")
            with gr.Row(elem_classes="compact"):
                to_compare = gr.Button("Open in Compare", size="sm", min_width=120)
                to_attention = gr.Button("Look inside", size="sm", min_width=120)
        with gr.Column(elem_id="found", scale=8, min_width=300):
            cards = html(shown.cards, elem_id="generate-cards")
    settings = html(shown.settings, elem_id="generate-settings")
    with gr.Row(elem_id="reuse"):
        note = html(shown.note)
        check = gr.Button(
            "Compare with the exact path", elem_id="check", size="sm", scale=0, min_width=240
        )
    exact = html(shown.exact, elem_id="exact")
    with gr.Row(elem_classes="below"):
        with gr.Column(min_width=300, scale=1):
            html("<h3>Download</h3>")
            downloads, file = build_downloads(KINDS, prefix="generate-")
        with gr.Column(min_width=300, scale=2):
            html("<h3>Get the same result</h3>")
            python = build_code(shown.python, "python", "Python")
            shell = build_code(shown.shell, "shell", "Command line")
    return {
        "phrases": phrases,
        "other": other,
        "phrases_message": phrases_message,
        "picture": picture,
        "strip": strip,
        "cards": cards,
        "settings": settings,
        "note": note,
        "check": check,
        "exact": exact,
        "python": python,
        "shell": shell,
        "hint": hint,
        "to_compare": to_compare,
        "to_attention": to_attention,
        "downloads": downloads,
        "file": file,
    }


def _number(value: float, label: str, elem_id: str) -> gr.Number:
    """A number as it was typed: what cannot be used is told beside it, in a sentence."""
    return gr.Number(value, label=label, elem_id=elem_id, min_width=64)


def _draw_examples() -> str:
    """A button per example prompt, which picks its place in both lists, one after the other.

    The page shows the list of the backbone's world; see the header.
    """
    place = count()

    def draw(requests: Iterable[Request], world: str) -> str:
        items = "".join(
            f'<button type="button" data-pick="{next(place)}">{escape(request.prompt)}</button>'
            for request in requests
        )
        return f'<div class="prompts {world}-world">{items}</div>'

    return draw(EXAMPLE_PROMPTS, "drawn") + draw(OPEN_PROMPTS, "open")
