"""From a visitor's input to a comparison; any complaint says which control it concerns."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ldznet.images import read_image
from ldznet.networks import NETWORKS
from ldznet.peers import PEERS
from ldznet.phrases import apply_template, check_phrases
from ldznet.pipeline import Segmenter
from ldznet.ui.comparison import OWN, Comparison, Picture, Settings, begin
from ldznet.ui.look import COLUMNS
from ldznet.ui.models import Models

# Larger pictures are shrunk on the page: a session keeps networks x phrases x pixels x 2 bytes.
MAX_PIXELS = 1_000_000

Place = Literal[
    "picture", "phrases", "settings", "truth", "own", "blocks", "point", "prompt", "sampling"
]
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
    return _read_grey(path, picture, "truth", "The true mask") > 127


def read_own(path: str, picture: Picture) -> np.ndarray:
    """(H, W) uint8: a mask of any origin from a file, its grey being the probability times 255.

    Raises a complaint if it is no picture or of another size.
    """
    return _read_grey(path, picture, "own", "Your mask")


def _read_grey(path: str, picture: Picture, place: Place, name: str) -> np.ndarray:
    with complaints_about(place):
        mask = read_image(path).convert("L")
    height, width = picture.image.shape[:2]
    if mask.size != (width, height):
        raise InputError(
            place,
            f"{name} is {mask.width} × {mask.height} pixels and the picture "
            f"{width} × {height}; give one of the picture's size.",
        )
    return np.asarray(mask)


def run_comparison(
    models: Models,
    picture: Picture,
    phrases: tuple[str, ...],
    *,
    columns: Sequence[str] = tuple(NETWORKS),
    seed: int = 0,
    timestep: int = 400,
    template: str = "{}",
    report: Report | None = None,
) -> Comparison:
    """Run the networks of these columns that there are, on the backbone of the session asking.

    Raises an error about the phrases or settings that cannot be used.
    """
    loaded = models.now
    with complaints_about("settings"):
        texts = apply_template(template, phrases)
    with complaints_about("phrases"):
        loaded.segmenter.backbone.encode_text(texts)  # only to hear whether one is too long
    settings = Settings(loaded.backbone, int(seed), int(timestep), template)
    comparison = begin(picture, phrases, settings)
    names = [name for name in columns if can_run(loaded.segmenter, name)]
    with complaints_about("settings"):
        return _run(loaded.segmenter, comparison, names, report)


def complete_comparison(
    models: Models, comparison: Comparison, columns: Sequence[str], report: Report | None = None
) -> Comparison:
    """The comparison with the columns it lacks, found for the same picture, phrases and settings.

    Nothing that was found before runs again. What cannot be had is noted in `failed`, so that no
    column waits for ever.
    """
    try:
        segmenter = models.of(comparison.settings.backbone).segmenter
        names = lacking(segmenter, comparison, columns)
        return _run(segmenter, comparison, names, report)
    except ValueError as error:
        why = str(error)
    except Exception:
        why = "This could not be computed; see what the server printed."
        logging.getLogger(__name__).exception(why)
    names = tuple(name for name in columns if name not in (*comparison.packed, OWN))
    return comparison.with_found({}, dict.fromkeys(names, why))


def lacking(
    segmenter: Segmenter, comparison: Comparison, columns: Sequence[str]
) -> tuple[str, ...]:
    """The columns without a result that running a network may fill."""
    known = {*comparison.packed, *comparison.failed}
    return tuple(name for name in columns if name not in known and can_run(segmenter, name))


def can_run(segmenter: Segmenter, column: str) -> bool:
    """Whether a column is a network with weights, or a peer, which may have to be loaded first."""
    return column in segmenter.networks or column in PEERS


def _run(
    segmenter: Segmenter, comparison: Comparison, names: Sequence[str], report: Report | None
) -> Comparison:
    """The comparison with the answers of these networks; a peer that cannot be had is noted."""
    failed = {}
    for name in names:
        if name in PEERS and name not in segmenter.peers:
            if report:
                report(0, f"Loading {COLUMNS[name]}")
            try:
                segmenter.add_peer(name)
            except ValueError as error:
                failed[name] = str(error)
    ready = [name for name in names if name not in failed]
    if not ready:
        return comparison.with_found({}, failed)
    settings = comparison.settings
    found = segmenter.compare(
        comparison.picture.image,
        comparison.phrases,
        ready,
        seed=settings.seed,
        timestep=settings.timestep,
        template=settings.template,
        progress=report,
    )
    return comparison.with_found(found, failed)
