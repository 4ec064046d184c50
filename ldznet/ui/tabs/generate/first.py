"""The finished generation that the tab opens on, drawn beforehand and kept in the repository."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from PIL import Image

from ldznet.results.records import origin
from ldznet.types import Generation
from ldznet.ui.examples import FOLDER as EXAMPLES
from ldznet.ui.models import Models
from ldznet.ui.state import EXAMPLE_LEVELS, Comparison, pack
from ldznet.ui.tabs.generate.prompts import EXAMPLE_PROMPTS
from ldznet.ui.tabs.generate.sampling import Drawn, draw
from ldznet.ui.tabs.generate.session import Session, find, open_session, settings_of

FOLDER = EXAMPLES / "generated"
ABOUT, PICTURE, TENSORS, RESULTS = "generation.json", "picture.png", "tensors.npz", "results.npz"
_SETTINGS = ("prompt", "negative_prompt", "seed", "steps", "guidance", "feature_timestep")


def draw_first(models: Models) -> Session:
    """The first example prompt's picture, and the first thing that it names found in it."""
    told = draw(models.segmenter.backbone, EXAMPLE_PROMPTS[0], Event())
    session = open_session([news for news in told if isinstance(news, Drawn)], models.backbone)
    return find(models, session, session.offered[:1])


def write_first(models: Models, command: str, folder: Path = FOLDER) -> None:
    """Draw it and write its picture, tensors, results and what they are into a folder."""
    folder.mkdir(exist_ok=True)
    draw_first(models)  # warms up, so that the times are fair
    session = draw_first(models)
    generation, found = session.generation, session.found
    assert found is not None
    Image.fromarray(generation.image).save(folder / PICTURE, optimize=True)
    tensors: dict[str, Any] = {"latents": generation.latents.numpy()}
    tensors["timesteps"] = np.array(list(generation.trajectory))
    tensors["trajectory"] = torch.cat(list(generation.trajectory.values())).numpy()
    tensors |= {str(block): feature.numpy() for block, feature in generation.features.items()}
    np.savez_compressed(folder / TENSORS, **tensors)
    packed: dict[str, Any] = {
        name: pack(each.probability, EXAMPLE_LEVELS) for name, each in found.at(0.5).items()
    }
    np.savez_compressed(folder / RESULTS, **packed)
    about = {
        **origin(command),
        "licence": "Apache-2.0: drawn by this repository's own weights",
        **{name: getattr(generation, name) for name in _SETTINGS},
        "drawing_seconds": round(session.seconds, 4),
        "backbone": session.backbone,
        "phrases": list(found.phrases),
        "seconds": {name: round(value, 4) for name, value in found.seconds.items()},
    }
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def read_first(folder: Path = FOLDER) -> Session:
    """The session that the tab opens with.

    Raises ValueError if a file is missing or damaged.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        generation = _read_generation(folder, about)
        with np.load(folder / RESULTS) as results:
            packed = {name: results[name] for name in about["seconds"]}
        drawn = Drawn(generation, about["drawing_seconds"])
        session = open_session([drawn], about["backbone"])
        found = Comparison(
            picture=session.picture,
            phrases=tuple(about["phrases"]),
            packed=packed,
            levels=EXAMPLE_LEVELS,
            seconds=about["seconds"],
            settings=settings_of(session.backbone, generation),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The finished generation cannot be read ({type(error).__name__}); draw it again with "
            "python -m ldznet experiment examples."
        ) from error
    return replace(session, found=found)


def _read_generation(folder: Path, about: dict[str, Any]) -> Generation:
    with np.load(folder / TENSORS) as file:
        tensors = {name: torch.from_numpy(file[name]) for name in file.files}
    trajectory = tensors.pop("trajectory").split(1)
    timesteps = tensors.pop("timesteps").tolist()
    return Generation(
        image=np.asarray(Image.open(folder / PICTURE).convert("RGB")),
        latents=tensors.pop("latents"),
        trajectory=dict(zip(timesteps, trajectory, strict=True)),
        features={int(block): feature for block, feature in tensors.items()},
        **{name: about[name] for name in _SETTINGS},
    )
