"""A finished comparison as a session keeps it: everything the page shows without a model run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ldznet.types import Segmentation

SESSION_LEVELS = 50_000  # two bytes a value, off by at most 0.00001
EXAMPLE_LEVELS = 200  # one byte a value, off by at most 0.0025: examples are part of a clone


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Picture:
    """A picture to segment, where it comes from, and what is truly in it."""

    image: np.ndarray  # (H, W, 3) uint8
    about: str  # for people: "scene 17, photo, full"
    file: str = "image.png"  # where a command finds it
    scene: tuple[int, str, str] | None = None  # number, style, difficulty it is drawn from
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)  # phrase -> (H, W) bool
    ask: tuple[str, ...] = ()  # phrases to begin with


@dataclass(frozen=True)
class Settings:
    """What decides a result besides picture and phrases."""

    backbone: str
    seed: int = 0
    timestep: int = 400
    template: str = "{}"


@dataclass(frozen=True)
class Comparison:
    """What all networks found in one picture."""

    picture: Picture
    phrases: tuple[str, ...]
    packed: Mapping[str, np.ndarray]  # network -> (P, H, W), see `pack`
    levels: int  # that `packed` counts in
    seconds: Mapping[str, float]  # network -> its own share of the run
    settings: Settings

    def at(self, threshold: float, phrases: Sequence[str] | None = None) -> dict[str, Segmentation]:
        """Each network's segmentation read at a threshold, of some phrases or by default all."""
        rows = [number for number, phrase in enumerate(self.phrases) if shown(phrase, phrases)]
        return {
            name: Segmentation(
                image=self.picture.image,
                phrases=tuple(self.phrases[row] for row in rows),
                probability=unpack(packed[rows], self.levels),
                network=name,
                seconds=self.seconds[name],
                threshold=threshold,
            )
            for name, packed in self.packed.items()
        }

    def with_truth(self, phrase: str, mask: np.ndarray) -> "Comparison":
        """The same comparison, knowing the true mask (H, W) bool of a phrase."""
        truth = {**self.picture.truth, phrase: mask}
        return replace(self, picture=replace(self.picture, truth=truth))


def compare_found(
    picture: Picture, found: Mapping[str, Segmentation], settings: Settings
) -> Comparison:
    """A comparison from what each network found."""
    return Comparison(
        picture=picture,
        phrases=next(iter(found.values())).phrases,
        packed={name: pack(each.probability, SESSION_LEVELS) for name, each in found.items()},
        levels=SESSION_LEVELS,
        seconds={name: each.seconds for name, each in found.items()},
        settings=settings,
    )


def shown(phrase: str, phrases: Sequence[str] | None) -> bool:
    """Whether a phrase is among those chosen; None chooses all."""
    return phrases is None or phrase in phrases


def pack(probability: np.ndarray, levels: int) -> np.ndarray:
    """Float32 probabilities as steps of 1 / levels: step n holds ((n - 1) / levels, n / levels].

    Any threshold that is a whole number of steps reads exactly the same mask afterwards.
    """
    edges = (np.arange(levels + 1) / levels).astype(np.float32)
    steps = np.ceil(probability * np.float32(levels)).astype(np.int32).clip(0, levels)
    steps -= (steps > 0) & (probability <= edges[np.maximum(steps - 1, 0)])  # undo the rounding
    steps += (steps < levels) & (probability > edges[steps])  # of the multiplication
    return steps.astype(np.uint8 if levels < 256 else np.uint16)


def unpack(steps: np.ndarray, levels: int) -> np.ndarray:
    """Float32 probabilities from `pack`, each in the middle of its step."""
    return np.maximum((steps.astype(np.float32) - np.float32(0.5)) / np.float32(levels), 0)
