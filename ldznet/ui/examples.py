"""The examples: pictures, phrases, truth and precomputed results, read from `examples/`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ldznet.data.shapes import Scene, absent_phrases, draw_scene, phrases
from ldznet.ui.state import EXAMPLE_LEVELS, Comparison, Picture, Settings

FOLDER = Path(__file__).parents[2] / "examples"
LIST = "examples.json"


@dataclass(frozen=True)
class Example:
    """A finished comparison to begin with."""

    title: str
    scene: int  # the number it was drawn from
    comparison: Comparison


def read_examples(folder: Path = FOLDER) -> tuple[Example, ...]:
    """The examples of a folder, in order.

    Raises ValueError if its list or a file that it names is missing or damaged.
    """
    try:
        listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
        settings = Settings(**listed["settings"])
        return tuple(_read(folder, entry, settings) for entry in listed["examples"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The examples cannot be read ({type(error).__name__}); draw them again with "
            "python -m ldznet experiment examples."
        ) from error


def _read(folder: Path, entry: dict[str, Any], settings: Settings) -> Example:
    image = np.asarray(Image.open(folder / entry["picture"]).convert("RGB"))
    number, style, difficulty = entry["scene"]
    scene = picture_of(draw_scene(number, style, difficulty))
    # The files decide; what else is true is known only while the world still draws this picture.
    truth = dict(scene.truth) if np.array_equal(scene.image, image) else {}
    for phrase, file in entry["truth"].items():
        truth[phrase] = np.asarray(Image.open(folder / file).convert("L")) > 127
    with np.load(folder / entry["results"]) as results:
        packed = {name: results[name] for name in entry["seconds"]}
    comparison = Comparison(
        picture=Picture(
            image=image,
            about=f"example {entry['picture'].removesuffix('.png')}",
            file=f"{FOLDER.name}/{entry['picture']}",
            truth=truth,
        ),
        phrases=tuple(entry["phrases"]),
        packed=packed,
        levels=EXAMPLE_LEVELS,
        seconds=entry["seconds"],
        settings=settings,
    )
    return Example(entry["title"], number, comparison)


def picture_of(scene: Scene) -> Picture:
    """A scene's picture; its truth holds every phrase about it, absent things as empty masks."""
    truth = {phrase.text: phrase.mask for phrase in phrases(scene)}
    nothing = np.zeros(scene.image.shape[:2], bool)
    truth |= dict.fromkeys(absent_phrases(scene), nothing)
    return Picture(
        image=scene.image,
        about=f"scene {scene.number}, {scene.style}, {scene.difficulty}",
        file=f"scene-{scene.number}-{scene.style}-{scene.difficulty}.png",
        scene=(scene.number, scene.style, scene.difficulty),
        truth=truth,
    )


def choose_phrases(scene: Scene, count: int = 2) -> tuple[str, ...]:
    """Up to so many phrases to begin with, of different kinds, none about the same pixels."""
    chosen: list[str] = []
    covered = np.zeros(scene.image.shape[:2], bool)
    for kind in ("colour", "relation", "plural", "size", "category", "colour"):
        for phrase in phrases(scene):
            if phrase.kind == kind and len(chosen) < count and not (covered & phrase.mask).any():
                chosen.append(phrase.text)
                covered = covered | phrase.mask
                break
    return tuple(chosen)
