"""The six steps of the lesson: what each says and shows, and the figure it gives to take home."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ldznet.blocks import FUSION_BLOCKS
from ldznet.figures.inspection import draw_channels, highest, lesson_figure, reach
from ldznet.figures.palette import phrase_colours
from ldznet.figures.pictures import (
    display_scale,
    draw_heat,
    draw_overlay,
    draw_signed,
    enlarge,
    enlarge_picture,
    overlay_layer,
)
from ldznet.figures.sheet import Bar, Panel, Section, build_sheet, settings_line
from ldznet.inspection import DEFAULT_FUSION_BLOCK
from ldznet.metrics import iou
from ldznet.networks import NETWORKS
from ldznet.results.plates import Plate, features_plate, latent_plate, point_plate
from ldznet.ui.cards import OUTLINE, fit, png_uri
from ldznet.ui.markup import Child, Markup, element, markup, swatch, term, with_terms
from ldznet.ui.tabs.attention.maps import (
    colours_layer,
    download_buttons,
    figure,
    heat_bar,
    layer,
    percent,
    picture_figure,
    picture_style,
    rim,
    signed_bar,
    stage,
    strong,
    to_pixels,
)
from ldznet.ui.tabs.attention.session import LEVELS, Course

LATENT_VIEWS = ("All four", "1", "2", "3", "4", "Decoded")
_NOISE = 3.0  # 99.7 % of noise of unit deviation is nearer to 0


class Look(NamedTuple):
    """The controls that act on what is computed, in the order of their steps."""

    view: str = LATENT_VIEWS[0]
    block: int = 12  # fine enough for shapes, late enough for things
    threshold: float = 0.5


class Chapter(NamedTuple):
    """One step of a course: its sentences and its pictures."""

    text: Markup
    pictures: Markup


@dataclass(frozen=True)
class Step:
    """One step on the way from a picture to a mask."""

    title: str
    name: str  # of its figure
    draw: Callable[[Course, Look], Chapter]
    plate: Callable[[Course, Look], Plate]


# 1: the picture, and the phrase to find in it.


def draw_picture(course: Course, look: Look) -> Chapter:
    height, width = course.picture.image.shape[:2]
    text = _say(
        "A picture and a phrase",
        with_terms(
            "It starts with a picture of {size} pixels and with words for what to find in it: "
            "{phrase}.",
            size=f"{width} × {height}",
            phrase=_name(course),
        ),
        "The next five steps follow this picture and this phrase on their way to a mask.",
    )
    return Chapter(text, _show(course, "picture", picture_figure()))


def plate_picture(course: Course, look: Look) -> Plate:
    arrays: dict[str, ArrayLike] = {"image": course.picture.image}
    if course.truth is not None:
        arrays["truth"] = course.truth
    panels = [Panel(_enlarged(course.picture.image), "picture")]
    return _plate("Picture and phrase", course, panels, arrays)


# 2: channels of z, or what the decoder makes of it.


def draw_latent(course: Course, look: Look) -> Chapter:
    latent, image = course.lesson.latent, course.picture.image
    rows, columns = latent.channels.shape[1:]
    text = _say(
        with_terms("z, the {latent}"),
        f"The autoencoder packs every {image.shape[1] // columns} × {image.shape[0] // rows} "
        f"pixels into four numbers. Together they are z: a grid of {columns} × {rows} cells with "
        "four channels.",
        with_terms(
            "The decoder turns z back into a picture. Out of {ratio} times fewer numbers it "
            "brings this one back at {psnr} dB {PSNR}.",
            ratio=str(image.size // latent.channels.size),
            psnr=f"{latent.psnr:.1f}",
        ),
    )
    extent = _extent(course)
    if look.view == LATENT_VIEWS[0]:
        panel = _channels("z, four channels", latent.channels, extent)
    elif look.view == LATENT_VIEWS[-1]:
        panel = _decoded("z, decoded", latent.reconstruction)
    else:
        place = int(look.view)
        panel = _channels(f"z, channel {place}", latent.channels[place - 1 : place], extent)
    return Chapter(text, _show(course, "latent", picture_figure(), panel))


def plate_latent(course: Course, look: Look) -> Plate:
    return latent_plate(course.lesson.subject, course.lesson.latent)


# 3: the latents noised to the timestep, and what the decoder makes of them.


def draw_noise(course: Course, look: Look) -> Chapter:
    kept, noise = course.mixture
    text = _say(
        "z with noise",
        with_terms(
            "Noise is mixed into z. At {timestep} {number} the diffusion model gets {mixture}.",
            number=str(course.lesson.timestep),
            mixture=element("b", f"{kept:.2f} z + {noise:.2f} noise"),
        ),
        "It has learnt to name the noise in such a mixture, given words for the picture. To tell "
        "noise from things it has to know what things look like, and where they are.",
    )
    noisy = _channels("z with noise, four channels", course.lesson.noisy, _extent(course))
    decoded = _decoded("The same, decoded", course.noisy_picture)
    return Chapter(text, _show(course, "noise", noisy, decoded))


def plate_noise(course: Course, look: Look) -> Plate:
    noisy, (kept, noise) = course.lesson.noisy, course.mixture
    decoded, extent = _enlarged(course.noisy_picture), reach(noisy)
    panels = [
        Panel(
            draw_channels(noisy, extent, *decoded.shape[:2]),
            f"{kept:.2f} z + {noise:.2f} noise",
            bar=Bar(extent, "latent", signed=True),
        ),
        Panel(decoded, "the same, decoded"),
    ]
    arrays = {
        "image": course.picture.image,
        "noisy": noisy,
        "decoded": course.noisy_picture,
        "weights": course.mixture,
    }
    return _plate("The latent with noise", course, panels, arrays)


# 4: the sixteen blocks' features in the shape of the U-Net, and the chosen one large.


def draw_features(course: Course, look: Look) -> Chapter:
    strip = course.lesson.strip
    colours = dict(zip(strip.blocks, strip.colours, strict=True))
    text = _say(
        term("features", "Features"),
        with_terms(
            "While the diffusion model looks at the noised z and reads {phrase}, each of its 16 "
            "{block|blocks} computes many numbers for every cell: its features.",
            phrase=_name(course),
        ),
        "Cells of like colour have like features. The grid gets coarser down to block 7 and finer "
        f"again. LD-ZNet reads blocks {FUSION_BLOCKS[0]} to {FUSION_BLOCKS[-1]}, those with the "
        "violet rim.",
    )
    # Down at the left, up at the right, a row per level of the U.
    levels = [
        element(
            "div",
            [_block(number, colours[number], look.block) for number in numbers],
            class_=f"level stride-{stride}",
        )
        for stride, numbers in LEVELS.items()
    ]
    whole = figure(
        [strong("The U-Net"), " click one of its blocks"], element("div", levels, class_="u")
    )
    rows, columns = colours[look.block].shape[:2]
    large = figure(
        [strong(f"Block {look.block}"), f" {columns} × {rows} cells"],
        stage(colours_layer(colours[look.block]), label=f"features of block {look.block}"),
    )
    return Chapter(text, _show(course, "features", whole, large))


def _block(number: int, colours: np.ndarray, chosen: int) -> Markup:
    return element(
        "button",
        element("img", src=png_uri(to_pixels(colours)), alt=""),
        element("span", str(number)),
        type="button",
        class_="read" if number in FUSION_BLOCKS else "",
        data_pick=number,
        aria_pressed=str(number == chosen).lower(),
        aria_label=f"Block {number}",
    )


def plate_features(course: Course, look: Look) -> Plate:
    return features_plate(course.lesson.subject, course.lesson.strip)


# 5: which cells' features LD-ZNet reads to decide the chosen one.


def draw_fusion(course: Course, look: Look) -> Chapter:
    fusion = course.fusion
    text = _say(
        "Fusion",
        "LD-ZNet is a U-Net of its own that reads z. To decide a cell it also looks at the "
        "diffusion model's features of all cells, and takes more from some than from others.",
        with_terms(
            "Bright cells weigh most for the cell with the white rim. {share} goes to the "
            "{mean token|mean of all cells}.",
            share=_percent(fusion.pooled_share),
        ),
    )
    rows, columns = fusion.map.shape
    buttons = [
        element(
            "button",
            type="button",
            data_pick=f"{row},{column}",
            aria_pressed=str((row, column) == fusion.cell).lower(),
            aria_label=f"Row {row + 1}, column {column + 1}",
        )
        for row in range(rows)
        for column in range(columns)
    ]
    targets = element("div", buttons, class_="targets", style=f"--rows:{rows};--columns:{columns}")
    cells = figure([strong("The cell to decide"), " click another"], stage(targets))
    high = highest(fusion.map)
    shares = layer(draw_heat(fusion.map, high), "cells share")
    read = figure(
        [strong("What LD-ZNet reads for it"), f" block {fusion.block}"],
        stage(
            shares,
            rim(fusion.cell, fusion.map.shape),
            label="attention to the features",
            kind="grey",
        ),
        below=heat_bar(high, "share of the attention"),
    )
    return Chapter(text, _show(course, "fusion", cells, read))


def plate_fusion(course: Course, look: Look) -> Plate:
    return point_plate(course.lesson.subject, course.phrase, *course.point, fusion=course.fusion)


# 6: LD-ZNet's mask at the threshold, ZNet's, and the true one.


def draw_mask(course: Course, look: Look) -> Chapter:
    mask = course.ldznet > look.threshold
    verdict = f"{_percent(mask.mean())} of the pixels are above it."
    if not mask.any():
        verdict = f"No pixel is; the highest probability is {course.ldznet.max():.2f}."
    sentences: list[Child] = [
        with_terms(
            "LD-ZNet gives every pixel a probability of belonging to {phrase}. The mask is where "
            "it is above the {threshold} of {number}. {verdict}",
            phrase=_name(course),
            number=f"{look.threshold:.2f}",
            verdict=verdict,
        )
    ]
    panels = [_mask("ldznet", mask, course.truth)]
    if course.znet is not None:
        sentences.append("ZNet, beside it, reads the same z and the same words, but no features.")
        panels.append(_mask("znet", course.znet > look.threshold, course.truth))
    truth = element("p", "Not known.", class_="veil")
    if course.truth is not None:
        truth = _overlay(course.truth)
    panels.append(figure(strong("The truth"), stage(truth, label="the true mask")))
    return Chapter(_say("The mask", *sentences), _show(course, "mask", *panels))


def _mask(name: str, mask: np.ndarray, truth: np.ndarray | None) -> Markup:
    """A network's mask (H, W) bool over the picture, and how much of the true one it meets."""
    network = NETWORKS[name]
    overlap = None if truth is None else iou(mask, truth)
    score = None if overlap is None else [term("IoU"), f" {overlap:.2f}"]
    head = [swatch(network.colour), strong(network.title), " ", score]
    return figure(head, stage(_overlay(mask), label=f"the mask of {network.title}"))


def _overlay(mask: np.ndarray) -> Markup:
    masks, scale = fit(mask[None])
    return layer(overlay_layer(masks, phrase_colours(1), scale=scale, outline=OUTLINE))


def plate_mask(course: Course, look: Look) -> Plate:
    masks = {"LD-ZNet": course.ldznet > look.threshold}
    arrays: dict[str, ArrayLike] = {"ldznet": course.ldznet}
    if course.znet is not None:
        masks["ZNet"], arrays["znet"] = course.znet > look.threshold, course.znet
    if course.truth is not None:
        masks["truth"] = arrays["truth"] = course.truth
    image = course.picture.image
    panels = [
        Panel(draw_overlay(_enlarged(image), enlarge(mask, display_scale(image))[None]), title)
        for title, mask in masks.items()
    ]
    title = f"Masks at threshold {look.threshold:.2f}"
    return _plate(title, course, panels, {"image": image, **arrays}, threshold=look.threshold)


STEPS = (
    Step("Picture", "picture", draw_picture, plate_picture),
    Step("Latent z", "latent", draw_latent, plate_latent),
    Step("Noised z", "noise", draw_noise, plate_noise),
    Step("Features", "features", draw_features, plate_features),
    Step("Fusion", "fusion", draw_fusion, plate_fusion),
    Step("Mask", "mask", draw_mask, plate_mask),
)
WHOLE = "lesson"  # the figure of all steps together


def draw_chapters(course: Course, look: Look) -> tuple[Chapter, ...]:
    """All six."""
    return tuple(step.draw(course, look) for step in STEPS)


def plate_lesson(course: Course, look: Look) -> Plate:
    """All six steps together."""
    lesson = course.lesson
    return Plate(
        lambda: lesson_figure(
            course.picture.image,
            lesson.latent.channels,
            lesson.noisy,
            lesson.strip.colours[lesson.strip.blocks.index(DEFAULT_FUSION_BLOCK)],
            course.fusion.map,
            course.point,
            course.ldznet > look.threshold,
            phrase=course.phrase,
            block=DEFAULT_FUSION_BLOCK,
            timestep=lesson.timestep,
            seed=lesson.seed,
        ),
        {name: array for step in STEPS for name, array in step.plate(course, look).arrays.items()},
        {
            **_settings(course),
            "threshold": look.threshold,
            "point": list(course.point),
            "fusion_block": DEFAULT_FUSION_BLOCK,
        },
    )


PLATES = {**{step.name: step.plate for step in STEPS}, WHOLE: plate_lesson}


def _plate(
    title: str, course: Course, panels: list[Panel], arrays: dict[str, Any], **settings: Any
) -> Plate:
    """Panels side by side under the course's settings."""
    line = settings_line(**_settings(course))
    return Plate(
        lambda: build_sheet(title, line, [Section(panels)], columns=3, side=2.9),
        arrays,
        {**_settings(course), **settings},
    )


def _settings(course: Course) -> dict[str, Any]:
    lesson = course.lesson
    return {"phrase": lesson.phrase, "timestep": lesson.timestep, "seed": lesson.seed}


def _enlarged(image: np.ndarray) -> np.ndarray:
    return enlarge_picture(image, display_scale(image))


# What the chapters are made of.


def _say(title: Child, *sentences: Child) -> Markup:
    return markup(element("h3", title), [element("p", sentence) for sentence in sentences])


def _show(course: Course, name: str, *panels: Markup) -> Markup:
    """Pictures side by side; below, what reproduces them and the downloads of this name."""
    lesson, whole = course.lesson, None
    if name == STEPS[-1].name:
        whole = element("div", "All six steps ", download_buttons(WHOLE), class_="whole")
    line = with_terms(
        "{origin} · backbone {backbone} · {timestep} {number} · {seed} {drawn}",
        origin=f"{course.picture.about} · {lesson.phrase}",
        backbone=course.backbone,
        number=str(lesson.timestep),
        drawn=str(lesson.seed),
    )
    style = f"{picture_style(course.picture.image)};--ldznet:{NETWORKS['ldznet'].colour}"
    settings = element("p", line, class_="settings")
    return markup(
        element("div", panels, class_=f"panels of-{len(panels)}", style=style),
        element("div", download_buttons(name), whole, settings, class_="below"),
    )


def _channels(title: str, channels: np.ndarray, extent: float) -> Markup:
    """Channels (n, h, w) of latents, coloured from -`extent` to `extent`; many stand two by two."""
    stages: Child = [
        stage(layer(draw_signed(channel, extent), "cells"), label=f"{title}, channel {place}")
        for place, channel in enumerate(channels, start=1)
    ]
    if len(channels) > 1:
        stages = element("div", stages, class_="four")
    return figure(strong(title), stages, below=signed_bar(extent, "value of a cell"))


def _decoded(title: str, decoded: np.ndarray) -> Markup:
    """A picture (H, W, 3) uint8 made by the decoder."""
    return figure(strong(title), stage(layer(decoded), label=title))


def _name(course: Course) -> Markup:
    return element("b", course.phrase, class_="phrase", style=f"--own:{phrase_colours(1)[0]}")


def _extent(course: Course) -> float:
    """The value of the strongest colour: one for z with and without noise, to be compared."""
    return max(_NOISE, float(np.abs(course.lesson.latent.channels).max()))


def _percent(share: float) -> str:
    text = "Less than 1 %" if 0 < share < 0.005 else percent(share)
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
