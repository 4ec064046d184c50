"""The explorer's views: what each says, computes, draws, and gives to take home."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ldznet.blocks import BLOCKS
from ldznet.figures.inspection import highest, point_high, reach
from ldznet.figures.pictures import draw_heat, draw_signed
from ldznet.inspection import (
    NETWORK,
    FeatureStrip,
    LatentView,
    PointMap,
    WordMaps,
    features_over_blocks,
    features_over_timesteps,
    fusion_point_of,
    inspect_latent,
    point_of,
    run_network,
    run_unet,
    text_change,
    words_of,
)
from ldznet.phrases import noun_phrases
from ldznet.pipeline import Segmenter
from ldznet.results.plates import (
    Plate,
    features_plate,
    latent_plate,
    point_plate,
    text_change_plate,
    words_plate,
)
from ldznet.ui.inputs import InputError, complaints_about
from ldznet.ui.markup import Child, Markup, element, message, term, with_terms
from ldznet.ui.models import Loaded
from ldznet.ui.tabs.attention.maps import (
    block_name,
    colours_layer,
    download_buttons,
    figure,
    heat,
    heat_bar,
    layer,
    number,
    percent,
    picture_figure,
    picture_style,
    plate_file,
    rim,
    signed_bar,
    stage,
    strong,
)
from ldznet.ui.tabs.attention.session import Choices, Inspection

Backbones = Callable[[str], Loaded]  # the loaded one of a name; ValueError if it is no more
Compute = Callable[[Backbones, Inspection, Choices], tuple[Inspection, Any]]


@dataclass(frozen=True)
class View:
    """One way to look into a picture."""

    title: str
    lead: Markup  # what it shows, in two or three plain sentences
    compute: Compute  # the results, computed or recalled, and the session that keeps them
    draw: Callable[[Inspection, Any, Choices], Markup]


def show(
    backbones: Backbones, inspection: Inspection, view: str, choices: Choices
) -> tuple[Inspection, Markup]:
    """A view's HTML, and the session with what was computed for it."""
    inspection, result = VIEWS[view].compute(backbones, inspection, choices)
    return inspection, VIEWS[view].draw(inspection, result, choices)


def take_home(
    backbones: Backbones, inspection: Inspection, pick: str, choices: Choices
) -> tuple[Inspection, str, bytes]:
    """The session, a file's name and its bytes for a pick such as "png:words"; see `PLATES`.

    Raises a complaint where there is nothing to draw.
    """
    kind, name = pick.split(":")
    inspection, plate = _make_plate(backbones, inspection, name, choices)
    return inspection, *plate_file(plate, kind, f"ldznet-{name}")


def _make_plate(
    backbones: Backbones, inspection: Inspection, name: str, choices: Choices
) -> tuple[Inspection, Plate]:
    inspection, result = VIEWS[PLATES[name]].compute(backbones, inspection, choices)
    subject, (phrase, timestep, seed) = inspection.subject, inspection.question
    if name == "words":
        return inspection, words_plate(subject, result, common=choices.common)
    if name == "self":
        maps = {"self_attention": result[0]}
        return inspection, point_plate(subject, phrase, *inspection.point, **maps)
    if name == "fusion":
        if isinstance(result[1], str):
            raise InputError("point", result[1])
        return inspection, point_plate(subject, phrase, *inspection.point, fusion=result[1])
    if name == "timesteps":
        return inspection, features_plate(subject, result[0])
    if name == "blocks":
        return inspection, features_plate(subject, result[1])
    if name == "text":
        plate = text_change_plate(subject, result, phrase, timestep=timestep, seed=seed)
        return inspection, plate
    return inspection, latent_plate(subject, result)


def _segmenter(backbones: Backbones, inspection: Inspection) -> Segmenter:
    """That of the session's own backbone; a complaint if it is loaded no more."""
    with complaints_about("picture"):
        return backbones(inspection.backbone).segmenter


def _recall(
    backbones: Backbones,
    inspection: Inspection,
    kind: str,
    key: Hashable,
    function: Callable[..., Any],
    **options: Any,
) -> tuple[Inspection, Any]:
    """What a function of `ldznet.inspection` gives for the session, computed or recalled."""

    def compute() -> Any:
        backbone = _segmenter(backbones, inspection).backbone
        return function(backbone, inspection.subject, inspection.question.phrase, **options)

    return inspection.recall(kind, key, compute)


# Words.


def compute_words(
    backbones: Backbones, inspection: Inspection, choices: Choices
) -> tuple[Inspection, WordMaps]:
    """A map per token; one pass serves every choice of blocks."""
    question = inspection.question
    inspection, unet_pass = _recall(
        backbones, inspection, "words", question, run_unet, words=BLOCKS, **inspection.noise
    )
    with complaints_about("blocks"):
        maps = words_of(unet_pass, choices.blocks)
    if inspection.word is None or inspection.word >= len(maps.words):
        inspection = replace(inspection, word=default_word(maps))
    return inspection, maps


def default_word(maps: WordMaps) -> int:
    """The word to show large first: the noun of the first thing named, else the last word."""
    words = [place for place, special in enumerate(maps.special) if not special]
    nouns = [thing.lower().split()[-1] for thing in noun_phrases(maps.phrase)[:1]]
    named = [place for place in words if maps.words[place].lower() in nouns]
    return (named or words[-1:] or [0])[0]


def draw_words(inspection: Inspection, maps: WordMaps, choices: Choices) -> Markup:
    """The chosen token large, and a button per token; start and end apart."""
    chosen = inspection.word
    assert chosen is not None  # `compute_words` chose one
    groups = [
        [place for place, special in enumerate(maps.special) if special is group]
        for group in (False, True)
    ]
    highs = [highest(*(maps.maps[place] for place in group)) for group in groups]

    def high(place: int) -> float:
        return highs[maps.special[place]] if choices.common else highest(maps.maps[place])

    def tiles(places: Sequence[int]) -> list[Markup]:
        return [_tile(maps, place, high(place), place == chosen) for place in places]

    large = figure(
        strong(maps.words[chosen]),
        stage(
            heat(maps.maps[chosen], high(chosen)),
            label=f"where '{maps.words[chosen]}' gets attention",
            kind="grey",
        ),
        below=heat_bar(high(chosen), "share of a cell's attention"),
        files="words",
    )
    others = element(
        "div",
        element("div", tiles(groups[0]), class_="tiles"),
        element("h4", "Start and end"),
        element("div", tiles(groups[1]), class_="tiles special"),
        element(
            "p",
            "They frame every phrase. What no token here gets goes to the padding that follows "
            "the end.",
            class_="hint",
        ),
    )
    return element(
        "div", large, others, class_="words", style=picture_style(inspection.subject.image)
    )


def _tile(maps: WordMaps, place: int, high: float, pressed: bool) -> Markup:
    return element(
        "button",
        stage(heat(maps.maps[place], high), kind="grey"),
        strong(maps.words[place]),
        element("span", f"up to {number(float(maps.maps[place].max()))}"),
        type="button",
        data_pick=f"word:{place}",
        aria_pressed=str(pressed).lower(),
    )


# Where a point looks.


def compute_point(
    backbones: Backbones, inspection: Inspection, choices: Choices
) -> tuple[Inspection, tuple[PointMap, PointMap | str]]:
    """The point's self-attention and feature attention; another point runs no model.

    Where LD-ZNet has no weights, a sentence how to get them stands for its attention.
    """
    question, point, block = inspection.question, inspection.point, choices.block
    segmenter, noise = _segmenter(backbones, inspection), inspection.noise
    inspection, unet_pass = _recall(
        backbones, inspection, "self", (question, block), run_unet, points=[block], **noise
    )
    with complaints_about("point"):
        attention = point_of(segmenter.backbone, unet_pass, *point, block=block)
    if NETWORK in segmenter.missing:
        return inspection, (attention, segmenter.missing[NETWORK])
    subject, phrase = inspection.subject, question.phrase
    inspection, network_pass = inspection.recall(
        "network", question, lambda: run_network(segmenter, subject, phrase, **noise)
    )
    with complaints_about("point"):
        fusion = fusion_point_of(network_pass, *point, block=choices.fusion_block)
    return inspection, (attention, fusion)


def draw_point(
    inspection: Inspection, result: tuple[PointMap, PointMap | str], choices: Choices
) -> Markup:
    """The picture and both maps, the point marked in each; any of them can be clicked.

    A sentence in place of the fusion stands where its map would.
    """
    (attention, fusion), (x, y) = result, inspection.point
    place = figure(
        strong("The point"),
        _target(inspection, attention.map.shape),
        below=element("p", f"x {x}, y {y}", class_="scale"),
    )
    self_figure = _point_figure(inspection, "Self-attention", attention, "self")
    if isinstance(fusion, str):
        read = figure(strong("LD-ZNet reads"), below=message(fusion))
    else:
        share = fusion.pooled_share
        meter = element("span", element("i", style=f"width:{share:.1%}"), class_="meter")
        mean = with_terms("{mean token}, which stands for the whole picture")
        note = element(
            "p", meter, element("span", f"{percent(share)} to the ", mean), class_="share"
        )
        read = _point_figure(inspection, "LD-ZNet reads", fusion, "fusion", note)
    style = picture_style(inspection.subject.image)
    return element("div", place, self_figure, read, class_="trio", style=style)


def _point_figure(
    inspection: Inspection, title: str, point_map: PointMap, name: str, note: Child = None
) -> Markup:
    rows, columns = point_map.map.shape
    high = point_high(point_map.map)
    place = element("span", block_name(point_map.block), f", {columns} × {rows} cells")
    return figure(
        [strong(title), " ", place],
        _target(inspection, point_map.map.shape, point_map),
        below=[heat_bar(high, "share of the cell's attention"), note],
        files=name,
    )


def _target(
    inspection: Inspection, grid: tuple[int, ...], point_map: PointMap | None = None
) -> Markup:
    """A stage to click; the arrow keys move the point by a cell of its grid."""
    (height, width), (x, y) = inspection.subject.image.shape[:2], inspection.point
    left, top = (x + 0.5) / width, (y + 0.5) / height
    layers = []
    if point_map is not None:
        layers = [
            heat(point_map.map, point_high(point_map.map), "cells"),
            rim(point_map.cell, grid),
        ]
    return stage(
        *layers,
        element("i", class_="mark", style=f"left:{left:.3%};top:{top:.3%}"),
        kind="grey" if layers else "",
        data_point=True,
        tabindex=0,
        role="button",
        aria_label="Choose a point: click, or use the arrow keys",
        data_left=f"{left:.5f}",
        data_top=f"{top:.5f}",
        data_columns=grid[1],
        data_rows=grid[0],
    )


# Features as colours.


def compute_features(
    backbones: Backbones, inspection: Inspection, choices: Choices
) -> tuple[Inspection, tuple[FeatureStrip, FeatureStrip]]:
    """The strip over timesteps and the strip over blocks."""
    (phrase, _, seed), block = inspection.question, choices.feature_block
    key = (phrase, seed, block)
    inspection, timesteps = _recall(
        backbones, inspection, "timesteps", key, features_over_timesteps, block=block, seed=seed
    )
    inspection, blocks = _recall(
        backbones,
        inspection,
        "blocks",
        inspection.question,
        features_over_blocks,
        **inspection.noise,
    )
    return inspection, (timesteps, blocks)


def draw_features(
    inspection: Inspection, strips: tuple[FeatureStrip, FeatureStrip], choices: Choices
) -> Markup:
    """Both strips; a click on a frame chooses its timestep or block."""
    timestep, block = inspection.question.timestep, choices.feature_block
    over_timesteps = _draw_strip(
        strips[0],
        timestep,
        ["Over timesteps ", element("span", block_name(block))],
        "From little noise to nearly nothing else: see when things and their edges dissolve.",
    )
    over_blocks = _draw_strip(
        strips[1],
        block,
        ["Over the blocks ", element("span", term("timestep"), f" {timestep}")],
        "Down to the coarsest grid in the middle, and up again: block 7 sees the least detail.",
    )
    style = picture_style(inspection.subject.image)
    return element("div", over_timesteps, over_blocks, class_="features", style=style)


def _draw_strip(strip: FeatureStrip, chosen: int, title: Child, hint: str) -> Markup:
    frames = [
        _frame(strip.over, value, colours, value == chosen)
        for value, colours in zip(strip.values, strip.colours, strict=True)
    ]
    shares = " + ".join(map(percent, strip.explained))
    return element(
        "section",
        element("h4", title),
        element("div", *frames, class_=f"frames {strip.over}"),
        element("p", f"{hint} Red, green and blue hold {shares} of all variation.", class_="hint"),
        download_buttons(strip.over),
    )


def _frame(over: str, value: int, colours: np.ndarray, pressed: bool) -> Markup:
    rows, columns = colours.shape[:2]
    return element(
        "button",
        stage(colours_layer(colours)),
        strong(str(value)),
        element("span", f"{columns} × {rows}"),
        type="button",
        data_pick=f"{over}:{value}",
        aria_pressed=str(pressed).lower(),
    )


# What text changes.


def compute_text_change(
    backbones: Backbones, inspection: Inspection, choices: Choices
) -> tuple[Inspection, np.ndarray]:
    """(h, w) map of what the phrase changes in the noise estimate."""
    question = inspection.question
    return _recall(backbones, inspection, "text", question, text_change, **inspection.noise)


def draw_text_change(inspection: Inspection, change: np.ndarray, choices: Choices) -> Markup:
    """The picture, the change over it, and the change alone, cell by cell."""
    over = figure(
        strong(f"What “{inspection.question.phrase}” changes"),
        stage(heat(change), label="the change", kind="grey"),
        below=heat_bar(highest(change), "difference of the estimates, norm over the four channels"),
        files="text",
    )
    alone = figure(
        strong("The same, cell by cell"),
        stage(layer(draw_heat(change, highest(change)), "cells"), label="the change, cell by cell"),
    )
    style = picture_style(inspection.subject.image)
    return element("div", picture_figure(), over, alone, class_="trio", style=style)


# The latent.


def compute_latent(
    backbones: Backbones, inspection: Inspection, choices: Choices
) -> tuple[Inspection, LatentView]:
    """The latent and what the autoencoder makes of it."""
    return inspection.recall(
        "latent",
        "",
        lambda: inspect_latent(_segmenter(backbones, inspection).backbone, inspection.subject),
    )


def draw_latent(inspection: Inspection, latent: LatentView, choices: Choices) -> Markup:
    """Four channels above; picture, reconstruction and difference below."""
    extent = reach(latent.channels)
    rows, columns = latent.channels.shape[1:]
    channels = [
        figure(
            strong(f"Channel {place}"),
            stage(
                layer(draw_signed(channel, extent), "cells"), label=f"channel {place} of the latent"
            ),
        )
        for place, channel in enumerate(latent.channels, start=1)
    ]
    decoded = figure(
        strong("From its latent"),
        stage(layer(latent.reconstruction), label="the picture from its latent"),
        below=element("p", term("PSNR"), f" {latent.psnr:.1f} dB", class_="scale"),
    )
    difference = figure(
        strong("Difference"),
        stage(heat(latent.difference), label="what was lost", kind="grey"),
        below=heat_bar(highest(latent.difference), "mean over the colours; 1 is black to white"),
    )
    return element(
        "div",
        element("h4", "The latent ", element("span", f"{columns} × {rows} cells, 4 channels")),
        element("div", *channels, class_="quartet"),
        signed_bar(extent, "value of a cell, the same colours for all channels"),
        element("h4", "Unpacked again"),
        element("div", picture_figure(), decoded, difference, class_="trio"),
        download_buttons("latent"),
        class_="latent",
        style=picture_style(inspection.subject.image),
    )


VIEWS = {
    "words": View(
        "Words",
        with_terms(
            "Looking at the noised picture, every cell of the diffusion model shares out its "
            "attention over the {token|words} of the phrase. Bright is where a word gets much "
            "of it: this is the {cross-attention}, averaged over the blocks chosen. Click a "
            "word to enlarge it."
        ),
        compute_words,
        draw_words,
    ),
    "point": View(
        "Where a point looks",
        with_terms(
            "Click anywhere in a picture, or move the point with the arrow keys. In "
            "{self-attention} the cell under the point looks at every other and takes most from "
            "those it finds akin. LD-ZNet's own {feature attention} shows which of the "
            "diffusion model's {features} the network reads to decide whether the point belongs "
            "to the phrase."
        ),
        compute_point,
        draw_point,
    ),
    "features": View(
        "Features as colours",
        with_terms(
            "A block holds dozens to hundreds of numbers per cell. {PCA} turns them into red, "
            "green and blue: cells of like colour are alike to the model. Within a strip the "
            "colours mean the same, so they can be compared; between the two strips they "
            "cannot."
        ),
        compute_features,
        draw_features,
    ),
    "text": View(
        "What text changes",
        with_terms(
            "The diffusion model gives its {noise estimate} twice: once with the phrase, once "
            "without any. Bright is where the two differ most: where the words matter. In the "
            "paper such maps, drawn without any training, are the first sign that the model "
            "knows where things are."
        ),
        compute_text_change,
        draw_text_change,
    ),
    "latent": View(
        "The latent",
        with_terms(
            "The autoencoder packs the picture into a {latent} of four channels, and the "
            "diffusion model never sees anything else. Unpacking it gives the picture back "
            "nearly, not quite: the difference shows which detail no network behind it can know "
            "of."
        ),
        compute_latent,
        draw_latent,
    ),
}

# The figures to take home, by name, and the view whose results they hold.
PLATES = {
    "words": "words",
    "self": "point",
    "fusion": "point",
    "timesteps": "features",
    "blocks": "features",
    "text": "text",
    "latent": "latent",
}


def draw_settings(inspection: Inspection) -> Markup:
    """What makes a screenshot reproducible: picture, phrase, backbone, timestep and noise."""
    height, width = inspection.subject.image.shape[:2]
    phrase, timestep, seed = inspection.question
    noise: Child = [term("seed"), f" {seed}"]
    if inspection.step:
        noise = f"the sampler's own latents, step {inspection.step} of {len(inspection.visited)}"
    settings = with_terms(
        "{picture} · {phrase} · backbone {backbone} · {timestep} {number} · {noise}",
        picture=f"{inspection.picture.about} · {width} × {height}",
        phrase=f"“{phrase}”",
        backbone=inspection.backbone,
        number=str(timestep),
        noise=noise,
    )
    return element("p", settings, class_="settings")
