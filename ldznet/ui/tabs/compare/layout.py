"""The components of the Compare tab and where they stand."""

from collections.abc import Sequence
from typing import NamedTuple

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
from ldznet.ui.downloads import KINDS
from ldznet.ui.examples import Example
from ldznet.ui.state import COLUMNS, FIRST_COLUMNS
from ldznet.ui.tabs.compare.page import Above, Below
from ldznet.ui.world import draw_vocabulary

ANY_STYLE = "any"
_HINT = '<p class="hint">Enter runs. Part several phrases by commas.</p>'


class Messages(NamedTuple):
    """A line for errors and notes beside the control they concern."""

    picture: gr.HTML
    phrases: gr.HTML
    settings: gr.HTML
    truth: gr.HTML
    own: gr.HTML


class Inputs(NamedTuple):
    """What decides a run."""

    picture: gr.Image
    phrases: gr.Textbox
    seed: gr.Number
    timestep: gr.Slider
    template: gr.Textbox
    truth: gr.Image
    truth_phrase: gr.Dropdown


class OwnInputs(NamedTuple):
    """A visitor's own mask, and the phrase it is of."""

    mask: gr.Image
    phrase: gr.Dropdown


class SceneInputs(NamedTuple):
    """What decides a new scene."""

    style: gr.Dropdown
    difficulty: gr.Dropdown
    number: gr.Number


class Looking(NamedTuple):
    """The controls of a `Look`, in the order of its fields."""

    view: gr.Radio
    threshold: gr.Slider
    opacity: gr.Slider
    phrases: gr.CheckboxGroup
    columns: gr.CheckboxGroup
    left: gr.Dropdown
    right: gr.Dropdown


class ShowingAbove(NamedTuple):
    """The outputs of `Above`, in the order of its fields."""

    cards: gr.HTML
    settings: gr.HTML


class ShowingBelow(NamedTuple):
    """The outputs of `Below`, in the order of its fields."""

    pair: gr.ImageSlider
    left: gr.Dropdown
    right: gr.Dropdown
    agreement: gr.HTML
    python: gr.Code
    shell: gr.Code


class Tab(NamedTuple):
    """All components of the tab that take part in an event."""

    inputs: Inputs
    own: OwnInputs
    own_area: gr.Column
    scene: SceneInputs
    messages: Messages
    looking: Looking
    above: ShowingAbove
    below: ShowingBelow
    run: gr.Button
    hint: gr.HTML
    new_scene: gr.Button
    gallery: gr.HTML
    downloads: dict[str, gr.Button]
    file: gr.DownloadButton


def build_layout(examples: Sequence[Example], above: Above, below: Below) -> Tab:
    """Lay out the tab, filled with what is shown of the first example."""
    first = examples[0].comparison
    with gr.Row(elem_id="compare", elem_classes="workbench"):
        with gr.Column(elem_id="asking", elem_classes="asking", scale=0, min_width=330):
            picture = picture_input(
                first.picture.image,
                sources=["upload", "clipboard", "webcam"],
                label="Picture",
                show_label=False,
                buttons=[],
                height=300,
                elem_id="picture",
                alt_text="the picture to search",
            )
            picture_message = html(elem_id="picture-message")
            with gr.Column(elem_id="phrases-area", elem_classes="asked"):
                phrases = gr.Textbox(
                    ", ".join(first.phrases),
                    label="What to find",
                    placeholder="red car, tree",
                    lines=1,
                    max_lines=4,
                    autofocus=True,
                    elem_id="phrases",
                    elem_classes="question",
                )
                phrases_message = pick_html("", elem_id="phrases-message")
                run = gr.Button("Run", variant="primary", elem_id="run")
                hint = html(_HINT, elem_id="hint", elem_classes="running")
                html(draw_vocabulary())
            own_area, own, own_message = _build_own(first.phrases)
            with gr.Column(elem_id="extras", elem_classes="extras"):
                scene, new_scene = _build_scene_inputs(examples[0].scene)
                advanced, settings_message, truth_message = _build_advanced(first.phrases)
        with gr.Column(elem_id="answer", elem_classes="answer"):
            looking, cards, settings = _build_cards(first.phrases, above)
            gallery = pick_html(draw_gallery(examples), elem_id="gallery")
            with gr.Row(elem_id="below", elem_classes="below"):
                with gr.Column(min_width=300):
                    left, right, pair = _build_pair(below)
                with gr.Column(min_width=300):
                    html("<h3>Where the columns agree</h3>")
                    agreement = html(below.agreement)
                with gr.Column(min_width=300, elem_id="take"):
                    html("<h3>Download</h3>")
                    downloads, file = build_downloads(KINDS)
                    html("<h3>Get the same result</h3>")
                    python = build_code(below.python, "python", "Python")
                    shell = build_code(below.shell, "shell", "Command line")
    return Tab(
        inputs=Inputs(picture, phrases, *advanced),
        own=own,
        own_area=own_area,
        scene=scene,
        messages=Messages(
            picture_message, phrases_message, settings_message, truth_message, own_message
        ),
        looking=Looking(*looking, left, right),
        above=ShowingAbove(cards, settings),
        below=ShowingBelow(pair, left, right, agreement, python, shell),
        run=run,
        hint=hint,
        new_scene=new_scene,
        gallery=gallery,
        downloads=downloads,
        file=file,
    )


def _build_scene_inputs(scene: int) -> tuple[SceneInputs, gr.Button]:
    button = gr.Button("New scene", elem_id="new-scene")
    with gr.Row(elem_id="scene-inputs", elem_classes="compact"):
        styles = [ANY_STYLE, *STYLES]
        style = gr.Dropdown(styles, value=ANY_STYLE, label="Style", min_width=80, filterable=False)
        difficulty = gr.Dropdown(
            list(DIFFICULTIES), value="full", label="Objects", min_width=80, filterable=False
        )
        number = gr.Number(
            scene, label="Scene", precision=0, minimum=0, min_width=80, elem_id="scene"
        )
    return SceneInputs(style, difficulty, number), button


_Advanced = tuple[gr.Number, gr.Slider, gr.Textbox, gr.Image, gr.Dropdown]


def _build_advanced(phrases: Sequence[str]) -> tuple[_Advanced, gr.HTML, gr.HTML]:
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        timestep = slider(
            0, 999, 400, step=1, label="Timestep", buttons=[], info="Noise on the latent; Run."
        )
        seed = gr.Number(0, label="Seed", precision=0, minimum=0, info="Of that noise; Run.")
        template = gr.Textbox("{}", label="Template", info="Words around the phrase {}; Run.")
        settings_message = html(elem_id="settings-message")
        truth = picture_input(
            sources=["upload", "clipboard"],
            label="True mask (white is inside)",
            buttons=[],
            height=140,
            elem_id="truth",
        )
        truth_phrase = gr.Dropdown(
            list(phrases), value=phrases[0], label="True mask of", filterable=False
        )
        truth_message = html(elem_id="truth-message")
    return (seed, timestep, template, truth, truth_phrase), settings_message, truth_message


def _build_own(phrases: Sequence[str]) -> tuple[gr.Column, OwnInputs, gr.HTML]:
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
        said = html(elem_id="own-message")
    return area, OwnInputs(mask, phrase), said


_CardControls = tuple[gr.Radio, gr.Slider, gr.Slider, gr.CheckboxGroup, gr.CheckboxGroup]


def _build_cards(phrases: Sequence[str], above: Above) -> tuple[_CardControls, gr.HTML, gr.HTML]:
    view, threshold, opacity = build_view_controls()
    with gr.Column(elem_classes="choosing"):
        shown = gr.CheckboxGroup(
            list(phrases),
            value=list(phrases),
            label="Phrases",
            elem_id="shown",
            elem_classes="chips",
        )
        columns = gr.CheckboxGroup(
            [(title, name) for name, title in COLUMNS.items()],
            value=list(FIRST_COLUMNS),
            label="Columns",
            elem_id="columns",
            elem_classes="chips",
        )
    cards = html(above.cards, elem_id="cards")
    settings = html(above.settings, elem_id="settings")
    return (view, threshold, opacity, shown, columns), cards, settings


def _build_pair(below: Below) -> tuple[gr.Dropdown, gr.Dropdown, gr.ImageSlider]:
    html("<h3>One over the other</h3>")
    pair = gr.ImageSlider(
        below.pair, format="png", show_label=False, interactive=False, buttons=[], elem_id="pair"
    )
    with gr.Row(elem_id="pair-choice"):
        left, right = (
            gr.Dropdown(
                side["choices"],
                value=side["value"],
                label=label,
                show_label=False,
                min_width=80,
                filterable=False,
            )
            for side, label in ((below.left, "left"), (below.right, "right"))
        )
    return left, right, pair
