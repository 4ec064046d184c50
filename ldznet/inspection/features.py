"""Features as colours: their three main components, on one basis for a whole strip of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.blocks import BLOCKS
from ldznet.inspection.components import Components, principal_components, shared_components
from ldznet.inspection.defaults import DEFAULT_TIMESTEP
from ldznet.inspection.subject import Subject
from ldznet.inspection.unet_pass import UNetPass, run_unet

TIMESTEPS = tuple(range(50, 1000, 100))
DEFAULT_FEATURE_BLOCK = 12  # on the way up: things are formed and the noise not yet drawn
CLIPPED = (1, 99)  # percentiles between which a component runs from 0 to 1


@dataclass(frozen=True)
class FeatureStrip:
    """Pictures of features that may be compared: equal colours are equal components."""

    phrase: str
    over: Literal["timesteps", "blocks"]  # what sets the pictures apart
    colours: tuple[np.ndarray, ...]  # each (h, w, 3) float32 in [0, 1], components 1 to 3 as RGB
    explained: np.ndarray  # (3,) share of the variance that each component tells, in [0, 1]
    blocks: tuple[int, ...]
    timesteps: tuple[int, ...]
    seed: int

    @property
    def values(self) -> tuple[int, ...]:
        """The timestep or the block (1-16) of each picture."""
        return self.timesteps if self.over == "timesteps" else self.blocks

    @property
    def labels(self) -> tuple[str, ...]:
        """What each picture is of, in words."""
        return tuple(f"{self.over.removesuffix('s')} {value}" for value in self.values)


def features_over_timesteps(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    block: int = DEFAULT_FEATURE_BLOCK,
    timesteps: Sequence[int] = TIMESTEPS,
    seed: int = 0,
) -> FeatureStrip:
    """One block's features at several timesteps, on the principal components of all together.

    A pass for each, the same noise in all. Raises ValueError for no timestep, else as `run_unet`.
    """
    if not timesteps:
        raise ValueError("Name at least one timestep.")
    frames = [
        run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, features=[block]).features
        for timestep in timesteps
    ]
    maps = [frame[block] for frame in frames]
    return FeatureStrip(
        phrase=phrase,
        over="timesteps",
        blocks=(block,),
        timesteps=tuple(timesteps),
        seed=seed,
        **_paint(principal_components(maps)),
    )


def features_over_blocks(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = DEFAULT_TIMESTEP,
    blocks: Sequence[int] = tuple(BLOCKS),
    seed: int = 0,
) -> FeatureStrip:
    """The features of several blocks at one timestep; one pass, errors as `run_unet`."""
    return colours_of_blocks(
        run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, features=blocks)
    )


def colours_of_blocks(seen: UNetPass) -> FeatureStrip:
    """The features a pass kept, each block on its own grid, on the components all blocks share.

    Blocks differ in width and kind of feature, so the basis is a multiple factor analysis (Escofier
    & Pagès, 1994): every block weighs the same, and a block's picture shows its part in it.
    """
    blocks = tuple(sorted(seen.features))
    if not blocks:
        raise ValueError("This pass kept no features; name at least one block, from 1 to 16.")
    maps = [seen.features[block] for block in blocks]
    return FeatureStrip(
        phrase=seen.phrase,
        over="blocks",
        blocks=blocks,
        timesteps=(seen.timestep,),
        seed=seen.seed,
        **_paint(shared_components(maps)),
    )


def _paint(components: Components) -> dict[str, Any]:
    """The strip's colours: a component's 1st percentile over the strip is 0, its 99th is 1."""
    low, high = np.percentile(components.sample, CLIPPED, axis=0)  # (3,), (3,)
    span = np.where(high > low, high - low, np.inf)  # without variance: half of everything
    colours = tuple(
        np.clip((score - (low + high) / 2) / span + 0.5, 0, 1).astype(np.float32)
        for score in components.scores
    )
    return {"colours": colours, "explained": components.explained}
