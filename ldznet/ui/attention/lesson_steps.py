"""The six steps of the lesson as HTML: what is said in each, and its pictures."""

from html import escape
from typing import NamedTuple

import numpy as np

from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.figures.maps import draw_heat, draw_signed
from ldznet.figures.overlay import overlay_layer
from ldznet.figures.palette import NETWORK_COLOURS, phrase_colours
from ldznet.ui.attention.lesson_course import FUSION_BLOCK, LATENT_VIEWS, SEED, Course, Look
from ldznet.ui.attention.stage import (
    downloads,
    figure,
    heat_bar,
    layer,
    picture_style,
    signed_bar,
    stage,
)
from ldznet.ui.comparison import iou
from ldznet.ui.pictures import OUTLINE, fit, png_uri
from ldznet.ui.widgets import swatch, term

STEPS = ("Picture", "Latent z", "Noised z", "Features", "Fusion", "Mask")
_LEVELS = ((1, 2, 14, 15, 16), (3, 4, 11, 12, 13), (5, 6, 8, 9, 10), (7,))  # of the U, by stride


class Chapter(NamedTuple):
    """One step: its sentences and its pictures."""

    said: str
    shown: str


def draw_picture(course: Course, look: Look) -> Chapter:
    """Step 1: the picture, and the phrase to find in it."""
    height, width = course.picture.image.shape[:2]
    return Chapter(
        _say(
            "A picture and a phrase",
            f"It starts with a picture of {width} × {height} pixels and with words for what to "
            f"find in it: {_name(course)}.",
            "The next five steps follow this picture and this phrase on their way to a mask.",
        ),
        _panels(
            course, "picture", figure("<strong>The picture</strong>", stage(label="the picture"))
        ),
    )


def draw_latent(course: Course, look: Look) -> Chapter:
    """Step 2: the four channels of z, or what the decoder makes of them."""
    view, channels = course.lesson.latent, course.lesson.latent.channels
    height, width = course.picture.image.shape[:2]
    rows, columns = channels.shape[1:]
    fewer = course.picture.image.size // channels.size
    said = _say(
        f"z, the {term('latent')}",
        f"The autoencoder packs every {width // columns} × {height // rows} pixels into four "
        f"numbers. Together they are z: a grid of {columns} × {rows} cells with four channels.",
        f"The decoder turns z back into a picture. Out of {fewer} times "
        f" fewer numbers it brings this one back at {view.psnr:.1f} dB {term('PSNR')}.",
    )
    extent = _extent(course)
    if look.view == "Decoded":
        right = figure(
            "<strong>z, decoded</strong>", stage(layer(view.reconstruction), "z, decoded")
        )
    elif look.view in LATENT_VIEWS[1:]:
        place = int(look.view)
        inner = stage(_cells(channels[place - 1], extent), f"channel {place} of z")
        right = figure(f"<strong>z, channel {place}</strong>", inner, _signed(extent))
    else:
        right = figure(
            "<strong>z, four channels</strong>", _four(channels, extent), _signed(extent)
        )
    return Chapter(said, _panels(course, "latent", _original(), right))


def draw_noise(course: Course, look: Look) -> Chapter:
    """Step 3: the latents noised to the timestep, and what the decoder makes of them."""
    timestep, (kept, noise) = course.lesson.timestep, course.mixture
    extent = _extent(course)
    return Chapter(
        _say(
            "z with noise",
            f"Noise is mixed into z. At {term('timestep')} {timestep} the diffusion model gets "
            f"<b>{kept:.2f} z + {noise:.2f} noise</b>.",
            "It has learnt to name the noise in such a mixture, given words for the picture. To "
            "tell noise from things it has to know what things look like, and where they are.",
        ),
        _panels(
            course,
            "noise",
            figure(
                "<strong>z with noise, four channels</strong>",
                _four(course.lesson.noisy, extent),
                _signed(extent),
            ),
            figure(
                "<strong>The same, decoded</strong>",
                stage(layer(course.noisy_picture), "z with noise, decoded"),
            ),
        ),
    )


def draw_features(course: Course, look: Look) -> Chapter:
    """Step 4: the sixteen blocks' features in the shape of the U-Net, and the chosen one large."""
    strip = course.lesson.strip
    colours = dict(zip(strip.blocks, strip.colours, strict=True))
    rows, columns = colours[look.block].shape[:2]
    inner = stage(layer(_pixels(colours[look.block]), "cells"), f"features of block {look.block}")
    first, last = FUSION_BLOCKS[0], FUSION_BLOCKS[-1]
    return Chapter(
        _say(
            term("features", "Features"),
            f"While the diffusion model looks at the noised z and reads {_name(course)}, each of "
            f"its 16 {term('block', 'blocks')} computes many numbers for every cell: its features.",
            "Cells of like colour have like features. The grid gets coarser down to block 7 and "
            f"finer again. LD-ZNet reads blocks {first} to {last}, those with the violet rim.",
        ),
        _panels(
            course,
            "features",
            figure(
                "<strong>The U-Net</strong> click one of its blocks", _draw_u(colours, look.block)
            ),
            figure(f"<strong>Block {look.block}</strong> {columns} × {rows} cells", inner),
        ),
    )


def draw_fusion(course: Course, look: Look) -> Chapter:
    """Step 5: which cells' features LD-ZNet read to decide the chosen one."""
    fusion = course.fusion
    high = float(fusion.map.max())
    shares = layer(draw_heat(fusion.map, high), "cells share")
    rim = _cell_at(fusion.cell, fusion.map.shape)
    return Chapter(
        _say(
            "Fusion",
            "LD-ZNet is a U-Net of its own that reads z. To decide a cell it also looks at the "
            "diffusion model's features of all cells, and takes more from some than from others.",
            f"Bright cells weigh most for the cell with the white rim. "
            f"{_percent(fusion.pooled_share)} goes to the mean of all cells.",
        ),
        _panels(
            course,
            "fusion",
            figure(
                "<strong>The cell to decide</strong> click another",
                stage(_targets(fusion.map.shape, fusion.cell), attributes=""),
            ),
            figure(
                f"<strong>What LD-ZNet reads for it</strong> block {FUSION_BLOCK}",
                stage(shares + rim, "attention to the features", "grey"),
                heat_bar(high, "share of the attention"),
            ),
        ),
    )


def draw_mask(course: Course, look: Look) -> Chapter:
    """Step 6: LD-ZNet's mask at the threshold, ZNet's, and the true one."""
    truth = course.truth
    masks = {
        "ldznet": course.ldznet > look.threshold,
        "znet": course.znet > look.threshold,
    }
    found = masks["ldznet"]
    verdict = f"{_percent(found.mean())} of the pixels are above it."
    if not found.any():
        highest = float(course.ldznet.max())
        verdict = f"No pixel is; the highest probability is {highest:.2f}."
    third = (
        figure("<strong>The truth</strong>", stage(_overlay(truth), "the true mask"))
        if truth is not None
        else figure("<strong>The truth</strong>", stage('<p class="veil">Not known.</p>'))
    )
    return Chapter(
        _say(
            "The mask",
            f"LD-ZNet gives every pixel a probability of belonging to {_name(course)}. The mask "
            f"is where it is above the {term('threshold')} of {look.threshold:.2f}. {verdict}",
            "ZNet, beside it, reads the same z and the same words, but no features.",
        ),
        _panels(
            course,
            "mask",
            figure(_network("ldznet", "LD-ZNet", masks["ldznet"], truth),
                   stage(_overlay(masks["ldznet"]), "LD-ZNet's mask")),
            figure(_network("znet", "ZNet", masks["znet"], truth),
                   stage(_overlay(masks["znet"]), "ZNet's mask")),
            third,
        ),
    )  # fmt: skip


def draw_chapters(course: Course, look: Look) -> tuple[Chapter, ...]:
    """All six."""
    chapters = (draw_picture, draw_latent, draw_noise, draw_features, draw_fusion, draw_mask)
    return tuple(draw(course, look) for draw in chapters)


def _say(title: str, *sentences: str) -> str:
    return f"<h3>{title}</h3>" + "".join(f"<p>{sentence}</p>" for sentence in sentences)


def _panels(course: Course, take: str, *panels: str) -> str:
    """Pictures side by side; below, what reproduces them and the downloads of this name."""
    settings = [
        escape(course.picture.about),
        escape(course.phrase),
        f"{term('timestep')} {course.lesson.timestep}",
        f"{term('seed')} {SEED}",
    ]
    files = downloads(take)
    if take == "mask":
        files += f'<div class="whole">All six steps {downloads("lesson")}</div>'
    return (
        f'<div class="panels of-{len(panels)}" style="{picture_style(course.picture.image)};'
        f'--ldznet:{NETWORK_COLOURS["ldznet"]}">'
        f'{"".join(panels)}</div><div class="below">{files}'
        f'<p class="settings">{" · ".join(settings)}</p></div>'
    )


def _name(course: Course) -> str:
    colour = phrase_colours(1)[0]
    return f'<b class="phrase" style="--own:{colour}">{escape(course.phrase)}</b>'


def _original() -> str:
    return figure("<strong>The picture</strong>", stage(label="the picture"))


def _extent(course: Course) -> float:
    """The value of the strongest colour: one for z with and without noise, to be compared."""
    return float(np.abs([course.lesson.latent.channels, course.lesson.noisy]).max())


def _cells(channel: np.ndarray, extent: float) -> str:
    return layer(draw_signed(channel, extent), "cells")


def _four(channels: np.ndarray, extent: float) -> str:
    stages = "".join(
        stage(_cells(channel, extent), f"channel {place}")
        for place, channel in enumerate(channels, start=1)
    )
    return f'<div class="four">{stages}</div>'


def _signed(extent: float) -> str:
    return signed_bar(extent, "value of a cell")


def _pixels(colours: np.ndarray) -> np.ndarray:
    return np.round(colours * 255).astype(np.uint8)


def _draw_u(colours: dict[int, np.ndarray], chosen: int) -> str:
    """A button per block: down at the left, up at the right, a row per level of the U."""
    levels = []
    for numbers in _LEVELS:
        blocks = "".join(_draw_block(number, colours[number], chosen) for number in numbers)
        levels.append(f'<div class="level stride-{BLOCKS[numbers[0]].stride}">{blocks}</div>')
    return f'<div class="u">{"".join(levels)}</div>'


def _draw_block(number: int, colours: np.ndarray, chosen: int) -> str:
    read = "read" if number in FUSION_BLOCKS else ""
    return (
        f'<button type="button" class="{read}" data-pick="{number}" '
        f'aria-pressed="{str(number == chosen).lower()}" aria-label="Block {number}">'
        f'<img src="{png_uri(_pixels(colours))}" alt=""><span>{number}</span></button>'
    )


def _targets(grid: tuple[int, ...], chosen: tuple[int, int]) -> str:
    """A button per cell, laid over the picture."""
    rows, columns = grid
    buttons = "".join(
        f'<button type="button" data-pick="{row},{column}" '
        f'aria-pressed="{str((row, column) == chosen).lower()}" '
        f'aria-label="Row {row + 1}, column {column + 1}"></button>'
        for row in range(rows)
        for column in range(columns)
    )
    return f'<div class="targets" style="--rows:{rows};--columns:{columns}">{buttons}</div>'


def _cell_at(cell: tuple[int, int], grid: tuple[int, ...]) -> str:
    row, column = cell
    return (
        f'<i class="cell" style="left:{column / grid[1]:.3%};top:{row / grid[0]:.3%};'
        f'width:{1 / grid[1]:.3%};height:{1 / grid[0]:.3%}"></i>'
    )


def _overlay(mask: np.ndarray) -> str:
    masks, scale = fit(mask[None])
    return layer(overlay_layer(masks, phrase_colours(1), scale=scale, outline=OUTLINE))


def _network(name: str, title: str, mask: np.ndarray, truth: np.ndarray | None) -> str:
    overlap = None if truth is None else iou(mask, truth)
    said = f"{term('IoU')} {overlap:.2f}" if overlap is not None else ""
    return f"{swatch(NETWORK_COLOURS[name])}<strong>{title}</strong> {said}"


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "Less than 1\N{NO-BREAK SPACE}%"
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")
