"""What a session keeps and what it looks at: pictures, comparisons, and how they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeVar

import gradio as gr
import numpy as np

from ldznet.figures import palette
from ldznet.networks import BASELINES, NETWORKS
from ldznet.peers import PEERS
from ldznet.types import Generation, Segmentation

SESSION_LEVELS = 50_000  # two bytes a value, off by at most 0.00001
EXAMPLE_LEVELS = 200  # one byte a value, off by at most 0.0025: examples are part of a clone
OWN = "own"  # stands among the networks for masks that a visitor gave


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Picture:
    """A picture to segment, where it comes from, and what is truly in it."""

    image: np.ndarray  # (H, W, 3) uint8
    about: str  # for people: "scene 17, photo, full"
    file: str = "image.png"  # where a command finds it
    scene: tuple[int, str, str] | None = None  # number, style, difficulty it is drawn from
    truth: Mapping[str, np.ndarray] = field(default_factory=dict)  # phrase -> (H, W) bool
    phrases: tuple[str, ...] = ()  # to begin with
    # A visitor's own masks to compare with: phrase -> (H, W) uint8, the probability times 255.
    own: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What decides a result besides picture and phrases."""

    backbone: str
    seed: int = 0
    timestep: int = 400
    template: str = "{}"


@dataclass(frozen=True, eq=False)  # as `Picture`
class Comparison:
    """What networks found in one picture."""

    picture: Picture
    phrases: tuple[str, ...]
    packed: Mapping[str, np.ndarray]  # network -> (P, H, W), see `pack`
    levels: int  # that `packed` counts in
    seconds: Mapping[str, float]  # network -> its own share of the run
    settings: Settings
    failed: Mapping[str, str] = field(default_factory=dict)  # network -> why it gave no result

    @property
    def networks(self) -> tuple[str, ...]:
        """Those with a result; last `OWN`, where the visitor gave a mask for any phrase."""
        own = (OWN,) if any(phrase in self.picture.own for phrase in self.phrases) else ()
        return (*self.packed, *own)

    def at(
        self,
        threshold: float,
        phrases: Sequence[str] | None = None,
        networks: Sequence[str] | None = None,
    ) -> dict[str, Segmentation]:
        """Segmentations read at a threshold, of some phrases and networks or by default all.

        Networks stand in the order asked for; those without a result are left out. A visitor's own
        masks are read alike, but hold only the phrases they were given for.
        """
        rows = tuple(phrase for phrase in self.phrases if shown(phrase, phrases))
        names = self.networks if networks is None else networks
        return {name: self._read(name, rows, threshold) for name in names if name in self.networks}

    def _read(self, name: str, phrases: tuple[str, ...], threshold: float) -> Segmentation:
        if name == OWN:
            phrases = tuple(phrase for phrase in phrases if phrase in self.picture.own)
            masks = [self.picture.own[phrase] for phrase in phrases]
            grey = np.array(masks, np.uint8).reshape(-1, *self.picture.image.shape[:2])
            probability = grey.astype(np.float32) / np.float32(255)
        else:
            rows = [self.phrases.index(phrase) for phrase in phrases]
            probability = unpack(self.packed[name][rows], self.levels)
        return Segmentation(
            image=self.picture.image,
            phrases=phrases,
            probability=probability,
            network=name,
            seconds=self.seconds.get(name, 0.0),
            threshold=threshold,
        )

    def with_results(
        self, segmentations: Mapping[str, Segmentation], failed: Mapping[str, str] | None = None
    ) -> "Comparison":
        """The same comparison with more networks' results, and why others gave none."""
        packed = {name: pack(each.probability, self.levels) for name, each in segmentations.items()}
        seconds = {name: each.seconds for name, each in segmentations.items()}
        return replace(
            self,
            packed={**self.packed, **packed},
            seconds={**self.seconds, **seconds},
            failed={**self.failed, **(failed or {})},
        )

    def with_results_of(self, other: "Comparison") -> "Comparison":
        """The same comparison with another's results beside its own, if that asked the same."""
        same = self.phrases == other.phrases and self.settings == other.settings
        if not same or self.picture.image is not other.picture.image:
            return self
        return replace(
            self,
            packed={**other.packed, **self.packed},
            seconds={**other.seconds, **self.seconds},
            failed=other.failed,
        )

    def with_own(self, phrase: str, mask: np.ndarray | None) -> "Comparison":
        """The same comparison with a visitor's own mask (H, W) uint8 of a phrase; None drops it."""
        own = {key: kept for key, kept in self.picture.own.items() if key != phrase}
        if mask is not None:
            own[phrase] = mask
        return replace(self, picture=replace(self.picture, own=own))

    def with_truth(self, phrase: str, mask: np.ndarray) -> "Comparison":
        """The same comparison, knowing the true mask (H, W) bool of a phrase."""
        truth = {**self.picture.truth, phrase: mask}
        return replace(self, picture=replace(self.picture, truth=truth))


def compare_found(
    picture: Picture, segmentations: Mapping[str, Segmentation], settings: Settings
) -> Comparison:
    """A comparison from what each network found."""
    return begin(picture, next(iter(segmentations.values())).phrases, settings).with_results(
        segmentations
    )


def begin(picture: Picture, phrases: tuple[str, ...], settings: Settings) -> Comparison:
    """A comparison that no network has answered yet."""
    return Comparison(picture, phrases, {}, SESSION_LEVELS, {}, settings)


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


VIEWS = {
    "overlay": "Overlay",
    "mask": "Mask",
    "heat": "Heat map",
    "contour": "Contours",
    "cutout": "Cut-out",
    "errors": "Errors",
}


class Column(Protocol):
    """What a column says of itself, as networks and peers do."""

    title: str
    colour: str  # "#rrggbb", its own in cards and charts
    reads: str  # what it reads, for people; {braces} mark words of the glossary


class OwnMask:
    """The column of masks that a visitor gave."""

    title = "Own mask"
    colour = palette.OWN
    reads = "given by you, from anywhere"


def all_columns() -> dict[str, type[Column]]:
    """What can stand beside one another, by name and in order: whatever is registered by now."""
    return {**NETWORKS, **BASELINES, **PEERS, OWN: OwnMask}


def first_columns() -> tuple[str, ...]:
    """Those shown until the visitor chooses."""
    return tuple(NETWORKS)


@dataclass(frozen=True)
class Look:
    """How a comparison is shown."""

    view: str = "overlay"  # of VIEWS
    threshold: float = 0.5
    opacity: float = 0.45
    phrases: tuple[str, ...] | None = None  # those shown; None shows all
    columns: tuple[str, ...] | None = None  # networks shown, in this order; None shows all found
    left: str | None = None  # the two networks laid over one another; see `choose_pair`
    right: str | None = None
    order: tuple[str, ...] | None = None  # phrases that take the colours; None: the comparison's


def read_look(
    view: str,
    threshold: float,
    opacity: float,
    phrases: Sequence[str] | None,
    columns: Sequence[str],
    left: str | None,
    right: str | None,
) -> Look:
    """The look that the page's controls say, rounded to their steps, columns in their order."""
    chosen = None if phrases is None else tuple(phrases)
    ordered = tuple(name for name in all_columns() if name in columns)
    return Look(view, round(threshold, 2), round(opacity, 2), chosen, ordered, left, right)


COMPARE, ATTENTION = "Compare", "Attention & features"  # the tabs that things are handed to


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Drawing:
    """A generated picture, and the backbone whose latents it was drawn in."""

    generation: Generation
    backbone: str


Thing = TypeVar("Thing", Picture, Drawing)


class Desk(NamedTuple):
    """The tabs, to turn to another one, and what lies ready for them in this session.

    A tab hands on by setting the other's state to what `hand` gives and selecting it, with
    `gr.Tabs(selected=COMPARE)`; the other listens to `change`.
    """

    tabs: gr.Tabs
    for_compare: gr.State  # a `Picture` to compare networks on
    for_attention: gr.State  # a `Drawing` or a `Picture` to look into
    backbone: gr.State  # the name of the one chosen in the head, once it is loaded


def hand(thing: Thing) -> Thing:
    """A copy to lay on the desk: gradio tells changes by identity, so it arrives each time."""
    return replace(thing)
