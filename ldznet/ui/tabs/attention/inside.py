"""What a session looks into, and what it keeps so that another click runs no model."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from ldznet.inspection import Subject
from ldznet.types import Generation
from ldznet.ui.state import Picture

Compute = Callable[[], Any]


class Asked(NamedTuple):
    """What decides every view besides the picture."""

    phrase: str
    timestep: int
    seed: int


class Choices(NamedTuple):
    """What decides single views."""

    blocks: tuple[int, ...]  # of Words
    common: bool  # one colour scale for all words, or each its own
    block: int  # whose self-attention a point shows
    fusion_block: int  # whose feature attention a point shows, 6-10
    feature_block: int  # of the strip over timesteps


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Inside:
    """A picture prepared for looking into, the place looked at, and the latest results.

    `kept` holds one result per kind with the key it was computed for, so it stays bounded.
    """

    picture: Picture
    backbone: str  # that made the subject, and into which every view looks
    subject: Subject
    asked: Asked
    point: tuple[int, int]  # x, y in pixels of the subject's image
    word: int | None = None  # the word shown large; None is the last of the phrase
    generation: Generation | None = None  # where the picture was generated here
    kept: Mapping[str, tuple[Hashable, Any]] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Inside":
        """Itself: it never changes, so that sessions that only look share the opening's arrays."""
        return self

    def recall(self, kind: str, key: Hashable, compute: Compute) -> tuple["Inside", Any]:
        """The result kept for this key, else computed; and the session that now keeps it."""
        known = self.kept.get(kind)
        if known is not None and known[0] == key:
            return self, known[1]
        result = compute()
        return replace(self, kept={**self.kept, kind: (key, result)}), result

    @property
    def pixel(self) -> tuple[int, int]:
        """The point in pixels of the picture as it was given."""
        (height, width), (rows, columns) = (
            self.picture.image.shape[:2],
            self.subject.image.shape[:2],
        )
        x, y = self.point
        return int((x + 0.5) * width / columns), int((y + 0.5) * height / rows)

    @property
    def visited(self) -> tuple[int, ...]:
        """The timesteps the sampler visited, in its order; none for a picture not drawn here."""
        return tuple(self.subject.trajectory)

    @property
    def step(self) -> int | None:
        """Which of the sampler's steps (1 the first) the timestep is, if any."""
        timestep = self.asked.timestep
        return self.visited.index(timestep) + 1 if timestep in self.visited else None


def first_point(picture: Picture, phrase: str, size: tuple[int, int]) -> tuple[int, int]:
    """Where to look first in an image of `size` (height, width): inside what the phrase names.

    The pixel deepest inside its true mask, where that is known, else the middle.
    """
    height, width = size
    mask = picture.truth.get(phrase)
    if mask is None or not mask.any():
        return width // 2, height // 2
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int((column + 0.5) * width / mask.shape[1]), int((row + 0.5) * height / mask.shape[0])
