"""The six steps of the lesson as HTML: what is said in each, and what is shown."""

from html import escape
from typing import NamedTuple

import numpy as np

from ldznet.blocks import FUSION_BLOCKS
from ldznet.figures.palette import NETWORK_COLOURS, phrase_colours
from ldznet.ui.markup import term
from ldznet.ui.tabs.attention.lesson_course import LATENT_VIEWS, Course, Look
from ldznet.ui.tabs.attention.lesson_pictures import (
    block_panel,
    cells_panel,
    channels_panel,
    decoded_panel,
    fusion_panel,
    mask_panel,
    picture_panel,
    truth_panel,
    u_panel,
)
from ldznet.ui.tabs.attention.stage import downloads, picture_style

STEPS = ("Picture", "Latent z", "Noised z", "Features", "Fusion", "Mask")
_BESIDE = "ZNet, beside it, reads the same z and the same words, but no features."
_NOISE = 3.0  # 99.7 % of noise of unit deviation is nearer to 0


class Chapter(NamedTuple):
    """One step: its sentences and its pictures."""

    said: str
    shown: str


def draw_picture(course: Course, look: Look) -> Chapter:
    """Step 1: the picture, and the phrase to find in it."""
    height, width = course.picture.image.shape[:2]
    said = _say(
        "A picture and a phrase",
        f"It starts with a picture of {width} × {height} pixels and with words for what to find "
        f"in it: {_name(course)}.",
        "The next five steps follow this picture and this phrase on their way to a mask.",
    )
    return Chapter(said, _show(course, "picture", picture_panel()))


def draw_latent(course: Course, look: Look) -> Chapter:
    """Step 2: channels of z, or what the decoder makes of it."""
    latent, image = course.lesson.latent, course.picture.image
    rows, columns = latent.channels.shape[1:]
    said = _say(
        f"z, the {term('latent')}",
        f"The autoencoder packs every {image.shape[1] // columns} × {image.shape[0] // rows} "
        f"pixels into four numbers. Together they are z: a grid of {columns} × {rows} cells with "
        "four channels.",
        f"The decoder turns z back into a picture. Out of {image.size // latent.channels.size} "
        f"times fewer numbers it brings this one back at {latent.psnr:.1f} dB {term('PSNR')}.",
    )
    extent = _extent(course)
    if look.view == LATENT_VIEWS[0]:
        panel = channels_panel("z, four channels", latent.channels, extent)
    elif look.view == LATENT_VIEWS[-1]:
        panel = decoded_panel("z, decoded", latent.reconstruction)
    else:
        place = int(look.view)
        panel = channels_panel(f"z, channel {place}", latent.channels[place - 1 : place], extent)
    return Chapter(said, _show(course, "latent", picture_panel(), panel))


def draw_noise(course: Course, look: Look) -> Chapter:
    """Step 3: the latents noised to the timestep, and what the decoder makes of them."""
    kept, noise = course.mixture
    said = _say(
        "z with noise",
        f"Noise is mixed into z. At {term('timestep')} {course.lesson.timestep} the diffusion "
        f"model gets <b>{kept:.2f} z + {noise:.2f} noise</b>.",
        "It has learnt to name the noise in such a mixture, given words for the picture. To tell "
        "noise from things it has to know what things look like, and where they are.",
    )
    return Chapter(
        said,
        _show(
            course,
            "noise",
            channels_panel("z with noise, four channels", course.lesson.noisy, _extent(course)),
            decoded_panel("The same, decoded", course.noisy_picture),
        ),
    )


def draw_features(course: Course, look: Look) -> Chapter:
    """Step 4: the sixteen blocks' features in the shape of the U-Net, and the chosen one large."""
    strip = course.lesson.strip
    colours = dict(zip(strip.blocks, strip.colours, strict=True))
    said = _say(
        term("features", "Features"),
        f"While the diffusion model looks at the noised z and reads {_name(course)}, each of its "
        f"16 {term('block', 'blocks')} computes many numbers for every cell: its features.",
        "Cells of like colour have like features. The grid gets coarser down to block 7 and finer "
        f"again. LD-ZNet reads blocks {FUSION_BLOCKS[0]} to {FUSION_BLOCKS[-1]}, those with the "
        "violet rim.",
    )
    panels = u_panel(colours, look.block), block_panel(look.block, colours[look.block])
    return Chapter(said, _show(course, "features", *panels))


def draw_fusion(course: Course, look: Look) -> Chapter:
    """Step 5: which cells' features LD-ZNet reads to decide the chosen one."""
    fusion = course.fusion
    said = _say(
        "Fusion",
        "LD-ZNet is a U-Net of its own that reads z. To decide a cell it also looks at the "
        "diffusion model's features of all cells, and takes more from some than from others.",
        f"Bright cells weigh most for the cell with the white rim. {_percent(fusion.pooled_share)} "
        f"goes to the {term('mean token', 'mean of all cells')}.",
    )
    return Chapter(said, _show(course, "fusion", cells_panel(fusion), fusion_panel(fusion)))


def draw_mask(course: Course, look: Look) -> Chapter:
    """Step 6: LD-ZNet's mask at the threshold, ZNet's, and the true one."""
    mask = course.ldznet > look.threshold
    verdict = f"{_percent(mask.mean())} of the pixels are above it."
    if not mask.any():
        verdict = f"No pixel is; the highest probability is {course.ldznet.max():.2f}."
    said = _say(
        "The mask",
        f"LD-ZNet gives every pixel a probability of belonging to {_name(course)}. The mask is "
        f"where it is above the {term('threshold')} of {look.threshold:.2f}. {verdict}",
        *[_BESIDE] * (course.znet is not None),
    )
    panels = [mask_panel("ldznet", "LD-ZNet", mask, course.truth)]
    if course.znet is not None:
        panels.append(mask_panel("znet", "ZNet", course.znet > look.threshold, course.truth))
    return Chapter(said, _show(course, "mask", *panels, truth_panel(course.truth)))


DRAW = (draw_picture, draw_latent, draw_noise, draw_features, draw_fusion, draw_mask)


def draw_chapters(course: Course, look: Look) -> tuple[Chapter, ...]:
    """All six."""
    return tuple(draw(course, look) for draw in DRAW)


def _say(title: str, *sentences: str) -> str:
    return f"<h3>{title}</h3>" + "".join(f"<p>{sentence}</p>" for sentence in sentences)


def _show(course: Course, name: str, *panels: str) -> str:
    """Pictures side by side; below, what reproduces them and the downloads of this name."""
    lesson = course.lesson
    settings = [
        escape(course.picture.about),
        escape(lesson.phrase),
        f"backbone {escape(course.backbone)}",
        f"{term('timestep')} {lesson.timestep}",
        f"{term('seed')} {lesson.seed}",
    ]
    files = downloads(name)
    if name == "mask":
        files += f'<div class="whole">All six steps {downloads("lesson")}</div>'
    style = f"{picture_style(course.picture.image)};--ldznet:{NETWORK_COLOURS['ldznet']}"
    return (
        f'<div class="panels of-{len(panels)}" style="{style}">{"".join(panels)}</div>'
        f'<div class="below">{files}<p class="settings">{" · ".join(settings)}</p></div>'
    )


def _name(course: Course) -> str:
    colour = phrase_colours(1)[0]
    return f'<b class="phrase" style="--own:{colour}">{escape(course.phrase)}</b>'


def _extent(course: Course) -> float:
    """The value of the strongest colour: one for z with and without noise, to be compared."""
    return max(_NOISE, float(np.abs(course.lesson.latent.channels).max()))


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "Less than 1\N{NO-BREAK SPACE}%"
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%")
