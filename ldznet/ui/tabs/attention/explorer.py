"""The explorer: where its components stand, and which event runs which handler."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.inspection import DEFAULT_TIMESTEP
from ldznet.ui.cards import draw_gallery
from ldznet.ui.components import as_sent, build_code, html, pick_html, picture_input
from ldznet.ui.downloads import wire_download
from ldznet.ui.examples import Example, read_examples
from ldznet.ui.markup import Markup, element
from ldznet.ui.models import Models
from ldznet.ui.state import Desk
from ldznet.ui.tabs.attention.endpoints import add_endpoints
from ldznet.ui.tabs.attention.handlers import (
    ANSWER,
    BEST,
    CHOOSE,
    GROUPS,
    PRESETS,
    Handlers,
    group_blocks,
    read_choices,
)
from ldznet.ui.tabs.attention.maps import map_html
from ldznet.ui.tabs.attention.session import Choices, Inspection, Question, look_into
from ldznet.ui.tabs.attention.snippets import command_line, python_code
from ldznet.ui.tabs.attention.views import VIEWS, draw_settings, show
from ldznet.ui.wiring import MODEL, QUIET, Changes, Joined, wire
from ldznet.ui.world import draw_vocabulary, replace_word

_HOUR = 3600  # seconds that a session's results are kept
_SET_OPACITY = "(value) => document.querySelector('#explore').style.setProperty('--heat', value)"
_THUMBNAIL = 96  # pixels, for about 60 on the page
FIRST_VIEW = "words"
_STRIDES = {1: "1× · finest", 2: "2×", 4: "4×", 8: "8× · coarsest"}
_CHOICES = (*GROUPS.values(), "common", "block", "fusion_block", "feature_block")

Page = dict[str, Any]  # the components by name
Listen = Callable[..., gr.events.Dependency]  # registers an event; see `wire`


def build_explorer(models: Models, desk: Desk, tabs: gr.Tabs, explore: str) -> None:
    """Build the explorer inside the tab `explore` of `tabs`; every view opens on a finished one."""
    examples = read_examples()
    comparison = examples[0].comparison
    question = Question(comparison.phrases[0], DEFAULT_TIMESTEP, 0)
    first = look_into(models.home, comparison.picture, question)  # the examples are of its world
    drawn: dict[str, Markup] = {}
    for name in VIEWS:
        first, drawn[name] = show(models.of, first, name, Choices())
    page, view_tabs = _build_page(examples, first, drawn)
    page |= {
        "inspection": gr.State(first, time_to_live=_HOUR),
        "view": gr.State(FIRST_VIEW),
        "arrived": desk.for_attention,
        "question": Joined(Question, Question._fields),
        "choices": Joined(read_choices, _CHOICES),
    }
    handlers = Handlers(models, examples)
    # Any view may need a pass, and passes wait for one another; a moving slider skips what is
    # stale.
    running = {**MODEL, "trigger_mode": "always_last", "show_progress_on": page["hint"]}
    _wire_runs(page, handlers, running)
    _wire_looks(page, handlers, running, view_tabs)
    _wire_downloads(page, handlers, running)
    add_endpoints(models)
    wire(
        desk.for_attention.change,
        handlers.receive,
        page,
        ["picture", "phrase", "timestep", *ANSWER],
        **running,
    ).then(lambda: gr.Tabs(selected=explore), outputs=tabs, **QUIET)


# What stands where.


def _build_page(
    examples: Sequence[Example], first: Inspection, drawn: Mapping[str, Markup]
) -> tuple[Page, dict[str, gr.Tab]]:
    """The components, filled with what is shown of the first example, and the views' tabs."""
    page: Page = {}
    with gr.Row(elem_id="explore", elem_classes="workbench"):
        with gr.Column(elem_classes="asking", scale=0, min_width=330):
            page["picture"] = picture_input(
                first.picture.image,
                sources=["upload", "clipboard", "webcam"],
                label="Picture",
                show_label=False,
                buttons=[],
                height=260,
                elem_id="explore-picture",
                alt_text="the picture to look into",
            )
            page["picture_message"] = html(elem_id="explore-picture-message")
            with gr.Column(elem_classes="asked"):
                page |= _build_question(first)
                page |= _build_noise()
                page["settings_message"] = html(elem_id="explore-settings-message")
            with gr.Column(elem_classes="extras"):
                html(element("h3", "Examples"))
                gallery = draw_gallery(examples, _THUMBNAIL)
                page["gallery"] = pick_html(gallery, elem_id="explore-gallery")
        with gr.Column(elem_classes="answer"):
            controls = {"words": _build_words, "point": _build_point, "features": _build_features}
            tabs: dict[str, gr.Tab] = {}
            with gr.Tabs(elem_id="views"):
                for name, view in VIEWS.items():
                    with gr.Tab(view.title, id=name) as tabs[name]:
                        html(element("p", view.lead, class_="lead"))
                        if name in controls:
                            page |= controls[name](first)
                        page[f"{name}_view"] = map_html(drawn[name], f"view-{name}")
            page["settings"] = html(draw_settings(first), elem_id="explore-settings")
            html(element("h3", "Get the same arrays"))
            with gr.Row(elem_id="explore-code"):
                python = python_code(first, FIRST_VIEW, Choices())
                page["python"] = build_code(python, "python", "Python", max_lines=12)
                shell = command_line(first, Choices())
                page["shell"] = build_code(shell, "shell", "Command line", max_lines=12)
            page["file"] = gr.DownloadButton(visible="hidden", elem_id="explore-file")
    return page, tabs


def _build_question(first: Inspection) -> Page:
    page: Page = {
        "phrase": gr.Textbox(
            first.question.phrase,
            label="Phrase",
            placeholder="red car",
            lines=1,
            max_lines=3,
            elem_id="explore-phrase",
            elem_classes="question",
        ),
        "phrases_message": pick_html("", elem_id="explore-phrase-message"),
        "run": gr.Button("Look inside", variant="primary", elem_id="explore-run"),
        "hint": html(
            element("p", "Enter runs. One phrase at a time.", class_="hint"),
            elem_id="explore-hint",
            elem_classes="running",
        ),
    }
    html(draw_vocabulary())
    return page


def _build_noise() -> Page:
    step = gr.Slider(
        1,
        30,
        1,
        step=1,
        label="Step of the sampler",
        buttons=[],
        visible=False,
        elem_id="explore-step",
    )
    timestep = gr.Slider(
        0,
        999,
        DEFAULT_TIMESTEP,
        step=1,
        label="Timestep",
        info="How much noise lies on the latent.",
        buttons=[],
        elem_id="explore-timestep",
    )
    seed = gr.Number(0, label="Seed of the noise", elem_id="explore-seed")
    opacity = gr.Slider(
        0, 1, 0.75, step=0.05, label="Opacity of the maps", buttons=[], elem_id="explore-opacity"
    )
    step, timestep = as_sent(step), as_sent(timestep)
    return {"step": step, "timestep": timestep, "seed": seed, "opacity": opacity}


def _build_words(first: Inspection) -> Page:
    page: Page = {}
    with gr.Row(elem_classes="controls"):
        page["preset"] = gr.Radio(
            [(name, name) for name in (*PRESETS, CHOOSE)],
            value=BEST,
            label="Blocks, by their stride",
            elem_id="preset",
            min_width=330,
            scale=3,
        )
        page["common"] = gr.Radio(
            [("each word its own", False), ("one for all", True)],
            value=False,
            label="Colour scale",
            elem_id="scale",
            min_width=240,
            scale=2,
        )
    chosen = group_blocks(PRESETS[BEST])
    with gr.Row(elem_classes="controls", visible=False, elem_id="single-blocks") as page["single"]:
        for stride, name in GROUPS.items():
            page[name] = gr.CheckboxGroup(
                [(str(number), number) for number in PRESETS[f"{stride}×"]],
                value=chosen[name],
                label=_STRIDES[stride],
                min_width=120,
            )
    page["blocks_message"] = html(elem_id="blocks-message")
    return page


def _build_point(first: Inspection) -> Page:
    x, y = first.point
    page: Page = {}
    with gr.Row(elem_classes="controls"):
        page["block"] = _choose_block("Self-attention of block", Choices().block)
        page["fusion_block"] = gr.Radio(
            list(FUSION_BLOCKS),
            value=Choices().fusion_block,
            label="LD-ZNet at block",
            elem_id="fusion-block",
            min_width=330,
            scale=3,
        )
        page["x"] = gr.Number(x, label="x", min_width=70, elem_id="point-x")
        page["y"] = gr.Number(y, label="y", min_width=70, elem_id="point-y")
    page["point_message"] = html(elem_id="point-message")
    return page


def _build_features(first: Inspection) -> Page:
    with gr.Row(elem_id="feature-choice"):
        return {"feature_block": _choose_block("Block over the timesteps", Choices().feature_block)}


def _choose_block(label: str, first: int) -> gr.Dropdown:
    def describe(number: int) -> str:
        way = BLOCKS[number].path.partition("_")[0].replace("mid", "middle")
        return f"{number} · {way}, {BLOCKS[number].stride}×"

    return gr.Dropdown(
        [(describe(number), number) for number in BLOCKS],
        value=first,
        label=label,
        filterable=False,
        min_width=170,
        elem_classes="block-choice",
    )


# What runs when.


def _wire_runs(page: Page, handlers: Handlers, running: dict[str, Any]) -> None:
    """What decides a picture, its words and its noise."""

    def run(listen: Listen) -> None:
        wire(listen, handlers.run, page, ANSWER, **running)

    run(partial(gr.on, [page["run"].click, page["phrase"].submit, page["picture"].upload]))
    run(partial(gr.on, [page["timestep"].input, page["seed"].input]))
    wire(page["step"].input, handlers.scrub, page, ["timestep", *ANSWER], **running)
    wire(
        page["gallery"].click,
        handlers.pick_example,
        page,
        ["picture", "phrase", *ANSWER],
        **running,
    )
    run(wire(page["phrases_message"].click, _replace_word, page, ["phrase"], **QUIET).then)
    picked = wire(
        page["features_view"].click,
        handlers.pick_frame,
        page,
        ["timestep", "feature_block"],
        **QUIET,
    )
    run(picked.then)


def _wire_looks(
    page: Page, handlers: Handlers, running: dict[str, Any], tabs: Mapping[str, gr.Tab]
) -> None:
    """What decides a single view."""

    def answer(listen: Listen, handler: Callable[..., Changes]) -> None:
        wire(listen, handler, page, ANSWER, **running)

    for name, tab in tabs.items():
        turned = wire(tab.select, partial(_turn_to, name), page, ["view"], queue=False, **QUIET)
        answer(turned.then, handlers.look)
    answer(partial(gr.on, [page[name].input for name in _CHOICES]), handlers.look)
    wire(
        page["preset"].input,
        handlers.choose_preset,
        page,
        ["single", *GROUPS.values(), *ANSWER],
        **running,
    )
    answer(page["words_view"].click, handlers.enlarge)
    answer(page["point_view"].select, handlers.point_at)
    answer(partial(gr.on, [page["x"].input, page["y"].input]), handlers.point)
    page["opacity"].change(None, page["opacity"], js=_SET_OPACITY, **QUIET)


def _wire_downloads(page: Page, handlers: Handlers, running: dict[str, Any]) -> None:
    """Figures and arrays, written when they are asked for."""
    options = {**running, "trigger_mode": "once"}
    for name in VIEWS:
        listen = page[f"{name}_view"].download
        wire_download(listen, handlers.download, page, ("inspection",), **options)


def _replace_word(event: gr.EventData, phrase: str) -> dict[str, str]:
    return {"phrase": replace_word(phrase, event.pick)}


def _turn_to(view: str) -> dict[str, str]:
    return {"view": view}
