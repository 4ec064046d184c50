"""The components of the Compare tab, where they stand, and which handler answers which event."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr

from ldznet.data.shapes import DIFFICULTIES, STYLES
from ldznet.ui.cards import draw_gallery
from ldznet.ui.components import (
    build_code,
    build_downloads,
    build_view_controls,
    html,
    pick_html,
    picture_input,
    slider,
)
from ldznet.ui.downloads import KINDS, wire_download
from ldznet.ui.examples import Example, read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Desk, Look, all_columns, first_columns, read_look
from ldznet.ui.tabs.compare.endpoint import add_endpoint
from ldznet.ui.tabs.compare.handlers import ANY_STYLE, MESSAGES, Handlers
from ldznet.ui.wiring import LIGHT, MODEL, QUIET, Changes, Joined, wire
from ldznet.ui.world import draw_vocabulary

# What events change, by the components' names.
ABOVE = ("cards", "settings")
BELOW = ("pair", "left", "right", "agreement", "python", "shell")
ANSWER = ("comparison", *ABOVE, "shown", "truth_phrase", "own_mask", "own_phrase", *MESSAGES)
INPUTS = ("picture", "phrases", "truth", "number")

_LOOK = Joined(read_look, ("view", "threshold", "opacity", "shown", "columns", "left", "right"))
_HINT = '<p class="hint">Enter runs. Part several phrases by commas.</p>'

Parts = dict[str, Any]  # components of the tab, by name


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    examples = read_examples()
    first = examples[0].comparison
    look = Look(columns=first_columns())
    handlers = Handlers(models, examples)
    content = {**handlers.show_above(first, look), **handlers.show_below(first, look)}
    page = build_layout(examples, content)
    page |= {"comparison": gr.State(first), "filled": gr.State(), "look": _LOOK}
    page |= {"for_compare": desk.for_compare, "backbone": desk.backbone}
    wire_runs(page, handlers)
    wire_looking(page, handlers)
    for kind, button in page["downloads"].items():
        wire_download(button.click, partial(handlers.download, kind), page, **QUIET)
    add_endpoint(models)


def wire_runs(page: Parts, handlers: Handlers) -> None:
    """Everything that gives another comparison, or completes the one there is."""
    running = {**MODEL, "show_progress_on": page["hint"]}
    taken = (*INPUTS, *ANSWER)
    picked = wire(page["gallery"].click, handlers.pick_example, page, taken, **QUIET)
    replaced = wire(
        page["phrases_message"].click, handlers.replace_word, page, ("phrases",), **QUIET
    )
    submitted = partial(gr.on, [page["run"].click, page["phrases"].submit])
    for event in (
        picked,
        wire(submitted, handlers.run, page, ANSWER, **running),
        wire(replaced.then, handlers.run, page, ANSWER, **running),
        wire(page["new_scene"].click, handlers.random_scene, page, taken, **running),
        wire(page["number"].submit, handlers.new_scene, page, taken, **running),
        wire(page["for_compare"].change, handlers.receive, page, taken, **running),
    ):
        wire(event.then, handlers.show_below, page, BELOW, **LIGHT)

    # A column that is turned on shows what is there at once, and then what it lacked.
    turned = wire(
        page["columns"].input,
        handlers.show_above,
        page,
        ABOVE,
        trigger_mode="always_last",
        **LIGHT,
    )
    wire(turned.then, handlers.show_below, page, BELOW, **LIGHT)
    suited = wire(page["backbone"].change, handlers.suit_columns, page, ("columns",), **LIGHT)
    suited = wire(suited.then, handlers.show_above, page, ABOVE, **LIGHT)
    for event in (turned, picked, suited):
        wire(
            event.then,
            handlers.complete,
            page,
            ("filled",),
            trigger_mode="always_last",  # what is turned on meanwhile is run afterwards
            **running,
        )
    kept = wire(page["filled"].change, handlers.fill, page, ("comparison",), **LIGHT)
    look_again(kept, page, handlers)


def wire_looking(page: Parts, handlers: Handlers) -> None:
    """Controls that act on the comparison there is, and masks that the visitor gives."""
    controls = [
        page["view"].change,
        page["threshold"].change,
        page["opacity"].change,
        page["shown"].input,  # not change: a run changes it too
        page["left"].input,
        page["right"].input,
    ]
    moved = wire(
        partial(gr.on, controls),
        handlers.show_above,
        page,
        ABOVE,
        trigger_mode="always_last",  # a moving slider asks again when the last answer is there
        **LIGHT,
    )
    wire(moved.then, handlers.show_below, page, BELOW, **LIGHT)
    wire(page["columns"].input, handlers.open_own, page, ("own_area",), **LIGHT)
    wire(page["own_phrase"].input, handlers.pick_own, page, ("own_mask",), **LIGHT)
    for mask, handler, text in (
        ("truth", handlers.add_truth, "truth_message"),
        ("own_mask", handlers.add_own, "own_message"),
    ):
        added = wire(page[mask].input, handler, page, ("comparison", text), **QUIET)
        look_again(added, page, handlers)


def look_again(event: gr.events.Dependency, page: Parts, handlers: Handlers) -> None:
    """After an event that changed the comparison. It is kept by a quick step of its own: whatever
    else changes it meanwhile is not lost, and the controls may say something else by now."""
    above = wire(event.then, handlers.show_above, page, ABOVE, **LIGHT)
    wire(above.then, handlers.show_below, page, BELOW, **LIGHT)


def build_layout(examples: Sequence[Example], content: Changes) -> Parts:
    """Lay out the tab, filled with what is shown of the first example."""
    first = examples[0].comparison
    page: Parts = {}
    with gr.Row(elem_id="compare", elem_classes="workbench"):
        with gr.Column(elem_id="asking", elem_classes="asking", scale=0, min_width=330):
            page["picture"] = picture_input(
                first.picture.image,
                sources=["upload", "clipboard", "webcam"],
                label="Picture",
                show_label=False,
                buttons=[],
                height=300,
                elem_id="picture",
                alt_text="the picture to search",
            )
            page["picture_message"] = html(elem_id="picture-message")
            with gr.Column(elem_id="phrases-area", elem_classes="asked"):
                page["phrases"] = gr.Textbox(
                    ", ".join(first.phrases),
                    label="What to find",
                    placeholder="red car, tree",
                    lines=1,
                    max_lines=4,
                    autofocus=True,
                    elem_id="phrases",
                    elem_classes="question",
                )
                page["phrases_message"] = pick_html("", elem_id="phrases-message")
                page["run"] = gr.Button("Run", variant="primary", elem_id="run")
                page["hint"] = html(_HINT, elem_id="hint", elem_classes="running")
                html(draw_vocabulary())
            page |= _build_own(first.phrases)
            with gr.Column(elem_id="extras", elem_classes="extras"):
                page |= _build_scene(examples[0].scene)
                page |= _build_advanced(first.phrases)
        with gr.Column(elem_id="answer", elem_classes="answer"):
            page |= _build_cards(first.phrases, content)
            page["gallery"] = pick_html(draw_gallery(examples), elem_id="gallery")
            with gr.Row(elem_id="below", elem_classes="below"):
                with gr.Column(min_width=300):
                    page |= _build_pair(content)
                with gr.Column(min_width=300):
                    html("<h3>Where the columns agree</h3>")
                    page["agreement"] = html(content["agreement"])
                with gr.Column(min_width=300, elem_id="take"):
                    html("<h3>Download</h3>")
                    page["downloads"], page["file"] = build_downloads(KINDS)
                    html("<h3>Get the same result</h3>")
                    page["python"] = build_code(content["python"], "python", "Python")
                    page["shell"] = build_code(content["shell"], "shell", "Command line")
    return page


def _build_own(phrases: Sequence[str]) -> Parts:
    """Stands there only while its column is on."""
    with gr.Column(visible=False, elem_id="own-area", elem_classes="asked") as area:
        phrase = gr.Dropdown(
            list(phrases),
            value=phrases[0],
            label="Your own mask of",
            info="White is inside, grey in between.",
            filterable=False,
        )
        mask = picture_input(
            sources=["upload", "clipboard"],
            label="Your own mask",
            show_label=False,
            buttons=[],
            height=160,
            elem_id="own",
        )
        text = html(elem_id="own-message")
    return {"own_area": area, "own_phrase": phrase, "own_mask": mask, "own_message": text}


def _build_scene(scene: int) -> Parts:
    page: Parts = {"new_scene": gr.Button("New scene", elem_id="new-scene")}
    with gr.Row(elem_id="scene-inputs", elem_classes="compact"):
        styles = [ANY_STYLE, *STYLES]
        page["style"] = gr.Dropdown(
            styles, value=ANY_STYLE, label="Style", min_width=80, filterable=False
        )
        page["difficulty"] = gr.Dropdown(
            list(DIFFICULTIES), value="full", label="Objects", min_width=80, filterable=False
        )
        page["number"] = gr.Number(
            scene, label="Scene", precision=0, minimum=0, min_width=80, elem_id="scene"
        )
    return page


def _build_advanced(phrases: Sequence[str]) -> Parts:
    page: Parts = {}
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        page["timestep"] = slider(
            0, 999, 400, step=1, label="Timestep", buttons=[], info="Noise on the latent; Run."
        )
        page["seed"] = gr.Number(
            0, label="Seed", precision=0, minimum=0, info="Of that noise; Run."
        )
        page["template"] = gr.Textbox(
            "{}", label="Template", info="Words around the phrase {}; Run."
        )
        page["settings_message"] = html(elem_id="settings-message")
        page["truth"] = picture_input(
            sources=["upload", "clipboard"],
            label="True mask (white is inside)",
            buttons=[],
            height=140,
            elem_id="truth",
        )
        page["truth_phrase"] = gr.Dropdown(
            list(phrases), value=phrases[0], label="True mask of", filterable=False
        )
        page["truth_message"] = html(elem_id="truth-message")
    return page


def _build_cards(phrases: Sequence[str], content: Changes) -> Parts:
    view, threshold, opacity = build_view_controls()
    page: Parts = {"view": view, "threshold": threshold, "opacity": opacity}
    with gr.Column(elem_classes="choosing"):
        page["shown"] = gr.CheckboxGroup(
            list(phrases),
            value=list(phrases),
            label="Phrases",
            elem_id="shown",
            elem_classes="chips",
        )
        page["columns"] = gr.CheckboxGroup(
            [(column.title, name) for name, column in all_columns().items()],
            value=list(first_columns()),
            label="Columns",
            elem_id="columns",
            elem_classes="chips",
        )
    page["cards"] = html(content["cards"], elem_id="cards")
    page["settings"] = html(content["settings"], elem_id="settings")
    return page


def _build_pair(content: Changes) -> Parts:
    html("<h3>One over the other</h3>")
    page: Parts = {
        "pair": gr.ImageSlider(
            content["pair"],
            format="png",
            show_label=False,
            interactive=False,
            buttons=[],
            elem_id="pair",
        )
    }
    with gr.Row(elem_id="pair-choice"):
        for side in ("left", "right"):
            page[side] = gr.Dropdown(
                content[side]["choices"],
                value=content[side]["value"],
                label=side,
                show_label=False,
                min_width=80,
                filterable=False,
            )
    return page
