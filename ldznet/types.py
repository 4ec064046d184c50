"""The dataclasses handed from one layer to the next; every array states shape, dtype and range."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from torch import Tensor

# Cells among themselves, cells to the text, and LD-ZNet's cells to the LDM's feature tokens.
AttentionKind = Literal["self", "cross", "fusion"]


@dataclass(frozen=True)
class Encoding:
    """An image and its phrases as the backbone sees them: what every network reads.

    A batch has one row per phrase; an image with several phrases is repeated along the batch.
    """

    pixels: Tensor  # (B, 3, H, W) float in [-1, 1]
    latents: Tensor  # (B, 4, H/f, W/f) float, scaled to unit deviation; f pixels per latent cell
    text: Tensor  # (B, tokens, D) float, last hidden state of the text encoder
    features: Mapping[int, Tensor] = field(default_factory=dict)  # block (1-16) -> (B, C, h, w)
    # Head mean (B, queries, keys) by timestep, block (1-16) and kind; every row sums to 1.
    attention: Mapping[tuple[int, int, AttentionKind], Tensor] = field(default_factory=dict)
    words: Tensor | None = None  # (B, tokens) bool: the phrase's own, without start, end, padding


@dataclass(frozen=True)
class Reading:
    """What is read of the LDM's denoising U-Net; the numbers are blocks, 1 to 16."""

    features: tuple[int, ...] = ()  # blocks whose output is read, at the timestep asked for
    attention: tuple[int, ...] = ()  # blocks whose attention is read
    kinds: tuple[AttentionKind, ...] = ("self", "cross")  # of attention
    timesteps: tuple[int, ...] | None = None  # of the attention; None: the timestep asked for
    states: tuple[int, ...] = ()  # blocks of which the input of the self-attention is read

    def __bool__(self) -> bool:
        """Whether anything is read."""
        return bool(self.features or self.attention or self.states)


@dataclass(frozen=True)
class Recording:
    """What a U-Net's blocks showed while it ran, keyed by timestep and block (1-16)."""

    features: dict[tuple[int, int], Tensor] = field(default_factory=dict)  # (B, C, h, w)
    # Head mean, (B, queries, keys); every row sums to 1.
    attention: dict[tuple[int, int, AttentionKind], Tensor] = field(default_factory=dict)
    # What the block's self-attention reads, (B, h * w, C): any row of it can be computed from this.
    states: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def features_at(self, timestep: int) -> dict[int, Tensor]:
        """The features of one pass: block (1-16) -> (B, C, h, w)."""
        return {block: part for (when, block), part in self.features.items() if when == timestep}


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Generation:
    """An image drawn from a prompt, and what was kept on the way; all tensors on the CPU.

    Its features follow the prompt it was drawn from, not the phrase that will be segmented.
    """

    image: np.ndarray  # (H, W, 3) uint8
    latents: Tensor  # (1, 4, h, w) float32, scaled: the sampler's last, of which the image is made
    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance: float
    # Timestep -> (1, 4, h, w) float16 latents that entered that step, in the sampler's order.
    trajectory: Mapping[int, Tensor] = field(default_factory=dict)
    # Block (6-10) -> (1, C, h, w) float16, conditional half; empty if no visited timestep served.
    features: Mapping[int, Tensor] = field(default_factory=dict)
    feature_timestep: int | None = None  # where the features were recorded, in [300, 500)


@dataclass(frozen=True)
class Sample:
    """One phrase in one image and its true mask."""

    image: np.ndarray  # (H, W, 3) uint8
    phrase: str
    mask: np.ndarray  # (H, W) bool, the union of all objects the phrase names
    source: str  # data set and item, e.g. "shapes/test/photo/17"
    kind: str = ""  # what the phrase relies on: category, colour, size, relation, plural


@dataclass(frozen=True)
class Scores:
    """Scores over a set of phrases, each in [0, 1], in the paper's convention (see `metrics`)."""

    mean_iou: float
    foreground_iou: float
    average_precision: float
    count: int  # phrases


@dataclass(frozen=True)
class Part:
    """One connected part of a mask, in pixels of the image."""

    left: int
    top: int
    width: int
    height: int
    area: int


@dataclass(frozen=True)
class Segmentation:
    """What one network found in one image, a row per phrase."""

    image: np.ndarray  # (H, W, 3) uint8
    phrases: tuple[str, ...]
    probability: np.ndarray  # (P, H, W) float32 in [0, 1]
    network: str
    seconds: float  # this network's own share: its forward pass and, if it reads them, the features
    threshold: float = 0.5

    @property
    def mask(self) -> np.ndarray:
        """(P, H, W) bool: where the probability is above the threshold."""
        return self.probability > self.threshold

    @property
    def score(self) -> tuple[float, ...]:
        """Mean probability inside each mask, in [0, 1]; the highest probability if it is empty."""
        return tuple(
            float(probability[mask].mean()) if mask.any() else float(probability.max())
            for probability, mask in zip(self.probability, self.mask, strict=True)
        )

    @property
    def parts(self) -> tuple[tuple[Part, ...], ...]:
        """The connected parts (8 neighbours) of each mask, largest first."""
        return tuple(_parts(mask) for mask in self.mask)

    def at(self, threshold: float) -> "Segmentation":
        """The same probabilities read at another threshold; no model runs."""
        return replace(self, threshold=threshold)


def _parts(mask: np.ndarray) -> tuple[Part, ...]:
    from scipy import ndimage

    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel())[1:]
    parts = [
        Part(x.start, y.start, x.stop - x.start, y.stop - y.start, int(area))
        for (y, x), area in zip(ndimage.find_objects(labels), areas, strict=True)
    ]
    return tuple(sorted(parts, key=lambda part: -part.area))
