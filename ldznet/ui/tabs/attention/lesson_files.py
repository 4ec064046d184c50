"""What a visitor takes home from a step of the lesson: its figure, and the arrays behind it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ldznet.figures.inspection import draw_channels, lesson_figure, reach
from ldznet.figures.pictures import display_scale, draw_overlay, enlarge, enlarge_picture
from ldznet.figures.sheet import Bar, Panel, Section, build_sheet, settings_line
from ldznet.inspection import DEFAULT_FUSION_BLOCK
from ldznet.results.plates import Plate, features_plate, latent_plate, point_plate
from ldznet.ui.tabs.attention.lesson_course import Course, Look


def take(pick: str, course: Course, look: Look) -> tuple[str, bytes]:
    """A file's name and its bytes for a pick such as "png:mask"; see `PLATES`."""
    kind, name = pick.split(":")
    plate = PLATES[name](course, look)
    return f"ldznet-lesson-{name}.{kind}", plate.png() if kind == "png" else plate.npz()


def _picture(course: Course, look: Look) -> Plate:
    arrays: dict[str, ArrayLike] = {"image": course.picture.image}
    if course.truth is not None:
        arrays["truth"] = course.truth
    panels = [Panel(_enlarged(course.picture.image), "picture")]
    return _plate("Picture and phrase", course, panels, arrays)


def _latent(course: Course, look: Look) -> Plate:
    return latent_plate(course.lesson.subject, course.lesson.latent)


def _noise(course: Course, look: Look) -> Plate:
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


def _features(course: Course, look: Look) -> Plate:
    return features_plate(course.lesson.subject, course.lesson.strip)


def _fusion(course: Course, look: Look) -> Plate:
    return point_plate(course.lesson.subject, course.phrase, *course.point, fusion=course.fusion)


def _mask(course: Course, look: Look) -> Plate:
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


def _lesson(course: Course, look: Look) -> Plate:
    """All six steps together."""
    lesson, steps = course.lesson, list(PLATES.values())[:-1]
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
        {name: array for step in steps for name, array in step(course, look).arrays.items()},
        {
            **_settings(course),
            "threshold": look.threshold,
            "point": list(course.point),
            "fusion_block": DEFAULT_FUSION_BLOCK,
        },
    )


PLATES: dict[str, Callable[[Course, Look], Plate]] = {
    "picture": _picture,
    "latent": _latent,
    "noise": _noise,
    "features": _features,
    "fusion": _fusion,
    "mask": _mask,
    "lesson": _lesson,
}


def _plate(
    title: str, course: Course, panels: list[Panel], arrays: dict[str, Any], **settings: Any
) -> Plate:
    """Panels side by side under the course's settings."""
    said = settings_line(**_settings(course))
    return Plate(
        lambda: build_sheet(title, said, [Section(panels)], columns=3, side=2.9),
        arrays,
        {**_settings(course), **settings},
    )


def _settings(course: Course) -> dict[str, Any]:
    lesson = course.lesson
    return {"phrase": lesson.phrase, "timestep": lesson.timestep, "seed": lesson.seed}


def _enlarged(image: np.ndarray) -> np.ndarray:
    return enlarge_picture(image, display_scale(image))
