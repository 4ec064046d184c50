"""What visitors and clients send, judged: each mistake gets one sentence, at its control."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np
from PIL import Image

from ldznet.images import read_image
from ldznet.phrases import check_phrases, clean_text
from ldznet.pipeline import check_names
from ldznet.ui.state import OWN, Picture, all_columns

# Larger pictures are shrunk on the page: a session keeps networks x phrases x pixels x 2 bytes.
MAX_PIXELS = 1_000_000

# Between the phrases of one text; commas and semicolons also as Chinese and Japanese keyboards have
# them.
_SEPARATORS = re.compile("[,;\n\r\u2028\u2029\uff0c\uff1b\u3001]")

Place = Literal[
    "picture", "phrases", "settings", "truth", "own", "blocks", "point", "prompt", "sampling"
]


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
    parts = map(clean_text, _SEPARATORS.split(text or ""))
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


def check_threshold(threshold: object) -> float:
    """The threshold. Raises ValueError unless it is a probability."""
    if not is_number(threshold) or not 0 <= threshold <= 1:
        got = f"; got {threshold}" if is_number(threshold) else ""
        raise ValueError(f"The threshold is a probability, 0 to 1{got}.")
    return threshold


def read_phrase_list(value: Any) -> tuple[str, ...]:
    """Phrases from a list of texts, one of each, or from one text as `read_phrases` parts it.

    Raises ValueError if it is neither, there is none, or one cannot be used.
    """
    if isinstance(value, list) and all(isinstance(phrase, str) for phrase in value):
        return check_phrases(value)
    if not isinstance(value, str):
        raise ValueError('Send the phrases as a list of texts, for example ["red car", "tree"].')
    return read_phrases(value)


def read_networks(value: Any) -> tuple[str, ...] | None:
    """The names of networks from a list, each once; None, which asks for none, is left so.

    Raises ValueError if it is no list of names, or one is not known.
    """
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(
            'Send the networks as a list of names, for example ["ldznet", "attention"].'
        )
    return check_names(value, (name for name in all_columns() if name != OWN))


def read_whole(name: str, value: object) -> int:
    """The whole number called `name`; 3.0 is one. Raises ValueError for anything else."""
    if not is_number(value) or value != int(value):
        got = f"; got {value}" if is_number(value) else ""
        raise ValueError(f"Give the {name} as a whole number{got}.")
    return int(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -math.inf < value < math.inf
