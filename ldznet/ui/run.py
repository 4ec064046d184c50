"""From a visitor's input to a comparison; any complaint says which control it concerns."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ldznet.images import read_image
from ldznet.phrases import apply_template, check_phrases
from ldznet.ui.comparison import Comparison, Picture, Settings, compare_found
from ldznet.ui.models import Models

# Larger pictures are shrunk on the page: a session keeps 3 networks x phrases x pixels x 2 bytes.
MAX_PIXELS = 1_000_000

Place = Literal["picture", "phrases", "settings", "truth", "blocks", "point", "prompt", "sampling"]
Report = Callable[[float, str], object]  # share done in [0, 1], what is being done


class InputError(ValueError):
    """One sentence for the visitor, and the control to show it beside."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place: Place = place


@contextmanager
def complaints_about(place: Place) -> Iterator[None]:
    """Turns any ValueError inside into a complaint about a control."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        raise InputError(place, str(error)) from error


def read_phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text, parted by commas, semicolons or lines, each once.

    Raises a complaint if there is none or one cannot be used.
    """
    parts = [" ".join(part.split()) for part in re.split(r"[,;\n]", text or "")]
    with complaints_about("phrases"):
        return check_phrases(tuple(dict.fromkeys(part for part in parts if part)))


def read_picture(path: str | None, known: Picture | None = None) -> Picture:
    """The picture in a file. If it equals the known one, that is given, with all its truth.

    Raises a complaint if there is no file or it is no picture.
    """
    if not path:
        raise InputError(
            "picture", "Choose a picture first: upload one, pick an example or draw a new scene."
        )
    with complaints_about("picture"):
        image = read_image(path)
    array = np.asarray(image)
    if known is not None and np.array_equal(array, known.image):
        return known
    name = re.sub(r"[^\w.-]", "_", Path(path).name)
    if image.width * image.height <= MAX_PIXELS:
        return Picture(array, about=name, file=name)
    scale = (MAX_PIXELS / (image.width * image.height)) ** 0.5
    size = max(8, int(image.width * scale)), max(8, int(image.height * scale))
    smaller = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return Picture(smaller, about=f"{name}, shrunk to {size[0]} × {size[1]}")


def read_truth(path: str, picture: Picture) -> np.ndarray:
    """(H, W) bool: a true mask from a file, white (over half) being inside.

    Raises a complaint if it is no picture or of another size.
    """
    with complaints_about("truth"):
        mask = read_image(path).convert("L")
    height, width = picture.image.shape[:2]
    if mask.size != (width, height):
        raise InputError(
            "truth",
            f"The true mask is {mask.width} × {mask.height} pixels and the picture "
            f"{width} × {height}; give one of the picture's size.",
        )
    return np.asarray(mask) > 127


def run_comparison(
    models: Models,
    picture: Picture,
    phrases: tuple[str, ...],
    *,
    seed: int = 0,
    timestep: int = 400,
    template: str = "{}",
    report: Report | None = None,
) -> Comparison:
    """Run every network. Raises an error about the phrases or settings that cannot be used."""
    with complaints_about("settings"):
        texts = apply_template(template, phrases)
    with complaints_about("phrases"):
        models.segmenter.backbone.encode_text(texts)  # only to hear whether one is too long
    with complaints_about("settings"):
        found = models.segmenter.compare(
            picture.image,
            phrases,
            seed=int(seed),
            timestep=int(timestep),
            template=template,
            progress=report,
        )
    settings = Settings(models.backbone, int(seed), int(timestep), template)
    return compare_found(picture, found, settings)
