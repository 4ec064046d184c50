"""Draws the examples and the first generation of the page with their results.

Run it again whenever pocket's weights or the drawn world change.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from PIL import Image

from ldznet.data.shapes import draw_scene
from ldznet.pipeline import Segmenter
from ldznet.results.records import command_line, commit, write_result
from ldznet.ui.examples import FOLDER, LIST, picture_of
from ldznet.ui.models import Models
from ldznet.ui.run import run_comparison
from ldznet.ui.state import EXAMPLE_LEVELS, Settings, pack
from ldznet.ui.tabs.generate import session as generated

# Title, scene (number, style, difficulty), phrases. Chosen for variety, not for results.
SCENES: tuple[tuple[str, tuple[int, str, str], tuple[str, ...]], ...] = (
    ("Toy cars", (141, "photo", "full"), ("red car", "large car")),
    ("Boats", (108, "photo", "full"), ("the boats", "yellow heart")),
    # No mask ever showed an umbrella.
    ("On the beach", (118, "photo", "full"), ("pink umbrella", "red ring", "small umbrella")),
    ("Cup and heart", (143, "flat", "full"), ("heart above the box", "pink cup", "white box")),
    ("In neon", (147, "neon", "full"), ("green car", "white ring")),
    ("In watercolour", (126, "watercolour", "full"), ("orange tree", "cyan ball")),
    ("Sketched", (116, "sketch", "full"), ("green box", "orange flower")),
    ("In pixels", (125, "pixel", "full"), ("red fish", "blue car")),
    ("Moons by day", (142, "photo", "full"), ("orange moon", "white moon")),
    ("Not there", (128, "photo", "full"), ("yellow star", "cyan star")),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: where the page looks for its examples is where they are written."""


def run(arguments: argparse.Namespace) -> None:
    """Draw everything with the shipped models."""
    models, command = Models(Segmenter.from_pretrained()), command_line(arguments)
    draw_examples(models, command)
    write_first(models, command)


def draw_examples(models: Models, command: str, folder: Path = FOLDER) -> None:
    """Write every example's picture, truth, results and the list of them all into a folder."""
    commit()  # looked up before a shipped file changes
    folder.mkdir(exist_ok=True)
    settings = Settings(models.home.backbone)
    entries = [_draw(models, folder, *scene) for scene in SCENES]
    examples = {
        "licence": "Apache-2.0: drawn by this repository's own code",
        "settings": asdict(settings),
        "results": f"per network (phrases, height, width) uint8: steps of 1/{EXAMPLE_LEVELS}, "
        "step n holding probabilities in ((n - 1), n] of them",
        "examples": entries,
    }
    write_result(folder / LIST, command, examples)


def _draw(
    models: Models,
    folder: Path,
    title: str,
    scene: tuple[int, str, str],
    phrases: Sequence[str],
) -> dict[str, Any]:
    number, style, difficulty = scene
    name = f"{style}-{number}"
    picture = picture_of(draw_scene(number, style, difficulty))
    Image.fromarray(picture.image).save(folder / f"{name}.png", optimize=True)
    truth = {}
    for row, phrase in enumerate(phrases, start=1):
        truth[phrase] = f"{name}-truth-{row}.png"
        Image.fromarray(picture.truth[phrase]).save(folder / truth[phrase], optimize=True)
    run_comparison(models.home, picture, tuple(phrases))  # warms up, so that the times are fair
    comparison = run_comparison(models.home, picture, tuple(phrases))
    packed: dict[str, Any] = {
        name: pack(each.probability, EXAMPLE_LEVELS) for name, each in comparison.at(0.5).items()
    }
    np.savez_compressed(folder / f"{name}.npz", **packed)
    return {
        "title": title,
        "scene": list(scene),
        "picture": f"{name}.png",
        "phrases": list(phrases),
        "truth": truth,
        "results": f"{name}.npz",
        "seconds": {name: round(value, 4) for name, value in comparison.seconds.items()},
    }


def draw_first(models: Models) -> generated.Session:
    """The first example prompt's picture, and the first thing that it names segmented in it."""
    events = generated.draw(models.home.segmenter.backbone, generated.EXAMPLE_PROMPTS[0], Event())
    drawn = [event for event in events if isinstance(event, generated.Drawn)]
    session = generated.open_session(drawn, models.home.backbone)
    return generated.segment(models.home.segmenter, session, session.offered[:1])


def write_first(models: Models, command: str, folder: Path = generated.FIRST) -> None:
    """Draw it and write its picture, tensors, results and what they are into a folder."""
    folder.mkdir(exist_ok=True)
    draw_first(models)  # warms up, so that the times are fair
    session = draw_first(models)
    generation, comparison = session.generation, session.comparison
    assert comparison is not None
    Image.fromarray(generation.image).save(folder / generated.PICTURE, optimize=True)
    tensors: dict[str, Any] = {"latents": generation.latents.numpy()}
    tensors["timesteps"] = np.array(list(generation.trajectory))
    tensors["trajectory"] = torch.cat(list(generation.trajectory.values())).numpy()
    tensors |= {str(block): feature.numpy() for block, feature in generation.features.items()}
    np.savez_compressed(folder / generated.TENSORS, **tensors)
    packed: dict[str, Any] = {
        name: pack(each.probability, EXAMPLE_LEVELS) for name, each in comparison.at(0.5).items()
    }
    np.savez_compressed(folder / generated.RESULTS, **packed)
    about = {
        "licence": "Apache-2.0: drawn by this repository's own weights",
        **{name: getattr(generation, name) for name in generated.DECIDING},
        "drawing_seconds": round(session.drawn[0].seconds, 4),
        "backbone": session.backbone,
        "phrases": list(comparison.phrases),
        "seconds": {name: round(value, 4) for name, value in comparison.seconds.items()},
    }
    write_result(folder / generated.ABOUT, command, about)
