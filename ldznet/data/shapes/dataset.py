"""The drawn world as a data set: one sample per scene and phrase."""

from collections.abc import Sequence
from functools import lru_cache
from typing import overload

import numpy as np

from ldznet.data.shapes.language import ScenePhrase, phrases
from ldznet.data.shapes.scene import Scene, draw_scene
from ldznet.types import Sample

TRAIN_START = 1_000_000  # the first scene number that training may see

# Scene numbers of each split: from, and below.
SPLITS = {"test": (0, 100_000), "val": (100_000, TRAIN_START), "train": (TRAIN_START, 2**31)}


class Shapes(Sequence[Sample]):
    """The first `count` scenes of a split, drawn when asked for and the same every time.

    With `phrases_per_scene` a number, every scene gives so many samples: kinds of phrase take
    turns in random order, and a phrase comes twice only when the scene has no more. With None
    every phrase of every scene is a sample, which draws all scenes once to count them. Without
    a style every scene has one of its own.
    """

    def __init__(
        self,
        split: str,
        style: str | None = None,
        count: int = 1000,
        difficulty: str = "full",
        phrases_per_scene: int | None = 1,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"Split must be one of {', '.join(SPLITS)}; got {split}.")
        first, end = SPLITS[split]
        if not 1 <= count <= end - first:
            raise ValueError(f"Split {split} has 1 to {end - first} scenes to give; got {count}.")
        if phrases_per_scene is not None and phrases_per_scene < 1:
            raise ValueError(f"Ask for at least one phrase per scene; got {phrases_per_scene}.")
        draw_scene(first, style, difficulty)  # raises on an unknown style or difficulty
        self.split, self.style, self.difficulty = split, style, difficulty
        self._first = first
        self._per_scene = phrases_per_scene
        if phrases_per_scene is None:
            counts = [len(self._drawn(index)[1]) for index in range(count)]
        else:
            counts = [phrases_per_scene] * count
        self._ends = np.cumsum(counts)  # samples up to and including each scene

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} samples; got index {index}.")
        index %= len(self)
        place = int(np.searchsorted(self._ends, index, side="right"))
        turn = index - (int(self._ends[place - 1]) if place else 0)
        scene, every = self._drawn(place)
        if self._per_scene is not None:
            every = _take_turns(every, np.random.default_rng([scene.number, 1]))
        phrase = every[turn % len(every)]
        source = f"shapes/{self.split}/{scene.style}/{place}"
        return Sample(scene.image, phrase.text, phrase.mask, source, phrase.kind)

    def _drawn(self, place: int) -> tuple[Scene, tuple[ScenePhrase, ...]]:
        return _drawn(self._first + place, self.style, self.difficulty)


@lru_cache(maxsize=4)  # neighbouring samples share a scene
def _drawn(
    number: int, style: str | None, difficulty: str
) -> tuple[Scene, tuple[ScenePhrase, ...]]:
    scene = draw_scene(number, style, difficulty)
    return scene, phrases(scene)


def _take_turns(
    every: tuple[ScenePhrase, ...], rng: np.random.Generator
) -> tuple[ScenePhrase, ...]:
    """The phrases shuffled, one of every kind before the second of any."""
    kinds: dict[str, list[ScenePhrase]] = {}
    for i in rng.permutation(len(every)):
        kinds.setdefault(every[i].kind, []).append(every[i])
    order = list(kinds.values())
    longest = max(map(len, order))
    # Which kind comes first is as likely for rare kinds as for common ones.
    order = [order[i] for i in rng.permutation(len(order))]
    return tuple(named[turn] for turn in range(longest) for named in order if turn < len(named))
