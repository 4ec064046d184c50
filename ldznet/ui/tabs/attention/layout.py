"""The components of the explorer and where they stand."""

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr

from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.inspection import (
    DEFAULT_BLOCKS,
    DEFAULT_FEATURE_BLOCK,
    DEFAULT_FUSION_BLOCK,
    DEFAULT_POINT_BLOCK,
    DEFAULT_TIMESTEP,
)
from ldznet.ui.cards import draw_gallery
from ldznet.ui.components import as_sent, build_code, html, pick_html, picture_input
from ldznet.ui.examples import Example
from ldznet.ui.tabs.attention.inside import Inside
from ldznet.ui.tabs.attention.leads import LEADS
from ldznet.ui.tabs.attention.page import VIEWS, Shown
from ldznet.ui.tabs.attention.targets import view_html
from ldznet.ui.world import draw_vocabulary

_HINT = '<p class="hint">Enter runs. One phrase at a time.</p>'
STRIDES = {1: "1× · finest", 2: "2×", 4: "4×", 8: "8× · coarsest"}
BEST = "best"
ALL = "all"
PRESETS = {
    BEST: DEFAULT_BLOCKS,
    **{
        f"{stride}×": tuple(number for number, block in BLOCKS.items() if block.stride == stride)
        for stride in STRIDES
    },
    ALL: tuple(BLOCKS),
}
THUMBNAIL = 96  # pixels, for about 60 on the page
CHOOSE = "choose…"  # shows the single blocks


class Messages(NamedTuple):
    """A line for errors and notes beside the control they concern."""

    picture: gr.HTML
    phrases: gr.HTML
    settings: gr.HTML
    blocks: gr.HTML
    point: gr.HTML


class Inputs(NamedTuple):
    """What decides a run."""

    picture: gr.Image
    phrase: gr.Textbox
    timestep: gr.Slider
    seed: gr.Number


class Controls(NamedTuple):
    """What decides single views: blocks by stride, the scale, and a block per view."""

    finest: gr.CheckboxGroup
    fine: gr.CheckboxGroup
    coarse: gr.CheckboxGroup
    coarsest: gr.CheckboxGroup
    common: gr.Radio
    block: gr.Dropdown
    fusion_block: gr.Radio
    feature_block: gr.Dropdown


class Explorer(NamedTuple):
    """All components of the explorer that take part in an event."""

    inputs: Inputs
    step: gr.Slider
    controls: Controls
    preset: gr.Radio
    single: gr.Row
    x: gr.Number
    y: gr.Number
    messages: Messages
    shown: Shown
    settings: gr.HTML
    python: gr.Code
    shell: gr.Code
    tabs: dict[str, gr.Tab]
    opacity: gr.Slider
    run: gr.Button
    hint: gr.HTML
    gallery: gr.HTML
    file: gr.DownloadButton


def build_layout(
    examples: Sequence[Example], first: Inside, shown: Shown, notes: tuple[str, str, str]
) -> Explorer:
    """Lay out the explorer, filled with what is shown of the first example.

    `notes` are the settings line, the Python and the command line.
    """
    with gr.Row(elem_id="explore", elem_classes="workbench"):
        with gr.Column(elem_classes="asking", scale=0, min_width=330):
            picture = picture_input(
                first.picture.image,
                sources=["upload", "clipboard", "webcam"],
                label="Picture",
                show_label=False,
                buttons=[],
                height=260,
                elem_id="explore-picture",
                alt_text="the picture to look into",
            )
            picture_message = html(elem_id="explore-picture-message")
            with gr.Column(elem_classes="asked"):
                phrase, phrase_message, run, hint = _build_question(first)
                step, timestep, seed, opacity = _build_noise()
                settings_message = html(elem_id="explore-settings-message")
            with gr.Column(elem_classes="extras"):
                html("<h3>Examples</h3>")
                gallery = pick_html(draw_gallery(examples, THUMBNAIL), elem_id="explore-gallery")
        with gr.Column(elem_classes="answer"):
            tabs, pages = {}, {}
            with gr.Tabs(elem_id="views"):
                for name, title in VIEWS.items():
                    with gr.Tab(title, id=name) as tabs[name]:
                        html(LEADS[name])
                        if name == "words":
                            preset, common, single, groups, blocks_message = _build_block_choice()
                        if name == "point":
                            block, fusion_block, x, y, point_message = _build_point_choice(first)
                        if name == "features":
                            with gr.Row(elem_id="feature-choice"):
                                feature_block = _choose_block(
                                    "Block over the timesteps", DEFAULT_FEATURE_BLOCK
                                )
                        pages[name] = view_html(getattr(shown, name), f"view-{name}")
            settings = html(notes[0], elem_id="explore-settings")
            html("<h3>Get the same arrays</h3>")
            with gr.Row(elem_id="explore-code"):
                python = build_code(notes[1], "python", "Python", max_lines=12)
                shell = build_code(notes[2], "shell", "Command line", max_lines=12)
            file = gr.DownloadButton(visible="hidden", elem_id="explore-file")
    return Explorer(
        inputs=Inputs(picture, phrase, timestep, seed),
        step=step,
        controls=Controls(
            groups[0], groups[1], groups[2], groups[3], common, block, fusion_block, feature_block
        ),
        preset=preset,
        single=single,
        x=x,
        y=y,
        messages=Messages(
            picture_message, phrase_message, settings_message, blocks_message, point_message
        ),
        shown=Shown(**pages),
        settings=settings,
        python=python,
        shell=shell,
        tabs=tabs,
        opacity=opacity,
        run=run,
        hint=hint,
        gallery=gallery,
        file=file,
    )


def _build_question(first: Inside) -> tuple[gr.Textbox, gr.HTML, gr.Button, gr.HTML]:
    phrase = gr.Textbox(
        first.asked.phrase,
        label="Phrase",
        placeholder="red car",
        lines=1,
        max_lines=3,
        elem_id="explore-phrase",
        elem_classes="question",
    )
    message = pick_html("", elem_id="explore-phrase-message")
    run = gr.Button("Look inside", variant="primary", elem_id="explore-run")
    hint = html(_HINT, elem_id="explore-hint", elem_classes="running")
    html(draw_vocabulary())
    return phrase, message, run, hint


def _build_noise() -> tuple[gr.Slider, gr.Slider, gr.Number, gr.Slider]:
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
    return as_sent(step), as_sent(timestep), seed, opacity


_BlockChoice = tuple[gr.Radio, gr.Radio, gr.Row, list[gr.CheckboxGroup], gr.HTML]


def _build_block_choice() -> _BlockChoice:
    with gr.Row(elem_classes="controls"):
        preset = gr.Radio(
            [(name, name) for name in (*PRESETS, CHOOSE)],
            value=BEST,
            label="Blocks, by their stride",
            elem_id="preset",
            min_width=330,
            scale=3,
        )
        common = gr.Radio(
            [("each word its own", False), ("one for all", True)],
            value=False,
            label="Colour scale",
            elem_id="scale",
            min_width=240,
            scale=2,
        )
    with gr.Row(elem_classes="controls", visible=False, elem_id="single-blocks") as single:
        groups = [
            gr.CheckboxGroup(
                [(str(number), number) for number in PRESETS[f"{stride}×"]],
                value=[number for number in PRESETS[f"{stride}×"] if number in PRESETS[BEST]],
                label=title,
                min_width=120,
            )
            for stride, title in STRIDES.items()
        ]
    return preset, common, single, groups, html(elem_id="blocks-message")


_PointChoice = tuple[gr.Dropdown, gr.Radio, gr.Number, gr.Number, gr.HTML]


def _build_point_choice(first: Inside) -> _PointChoice:
    with gr.Row(elem_classes="controls"):
        block = _choose_block("Self-attention of block", DEFAULT_POINT_BLOCK)
        fusion_block = gr.Radio(
            list(FUSION_BLOCKS),
            value=DEFAULT_FUSION_BLOCK,
            label="LD-ZNet at block",
            elem_id="fusion-block",
            min_width=330,
            scale=3,
        )
        x = gr.Number(first.point[0], label="x", min_width=70, elem_id="point-x")
        y = gr.Number(first.point[1], label="y", min_width=70, elem_id="point-y")
    return block, fusion_block, x, y, html(elem_id="point-message")


def _choose_block(label: str, first: int) -> gr.Dropdown:
    def say(number: int) -> str:
        way = "middle" if number == 7 else "down" if number < 7 else "up"
        return f"{number} · {way}, {BLOCKS[number].stride}×"

    return gr.Dropdown(
        [(say(number), number) for number in BLOCKS],
        value=first,
        label=label,
        filterable=False,
        min_width=170,
        elem_classes="block-choice",
    )
