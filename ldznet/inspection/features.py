"""Features as colours: their three main components, on one basis for a whole strip of pictures.

The components are those of one block's maps together, or of several blocks' that differ. Signs are
fixed, so that colours do not flip from run to run: of each component the loading of largest
magnitude is positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.linalg import eigh

from ldznet.backbone import LatentDiffusion
from ldznet.blocks import BLOCKS
from ldznet.inspection.subject import Subject
from ldznet.inspection.unet import DEFAULT_TIMESTEP, UNetPass, resize, run_unet

TIMESTEPS = tuple(range(50, 1000, 100))
DEFAULT_FEATURE_BLOCK = 12  # on the way up: things are formed and the noise not yet drawn
CLIPPED = (1, 99)  # percentiles between which a component runs from 0 to 1
COUNT = 3  # red, green and blue
# Cells along a side on which blocks of different size meet: enough for three components, and what
# grows with the fourth power of the side stays small.
COMMON_SIDE = 32


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


@dataclass(frozen=True)
class Components:
    """The first three components of several maps, strongest first."""

    scores: tuple[np.ndarray, ...]  # each (h, w, 3) float32, on its map's own grid
    explained: np.ndarray  # (3,) float32 share of the variance, in [0, 1]
    # (rows, 3): all scores, every map with equally many rows, to choose a range of values by
    sample: np.ndarray


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


def colours_of_blocks(unet_pass: UNetPass) -> FeatureStrip:
    """The features a pass kept, each block on its own grid, on the components all blocks share.

    Blocks differ in width and kind of feature, so the basis is a multiple factor analysis (Escofier
    & Pagès, 1994): every block weighs the same, and a block's picture shows its part in it.
    """
    blocks = tuple(sorted(unet_pass.features))
    if not blocks:
        raise ValueError("This pass kept no features; name at least one block, from 1 to 16.")
    maps = [unet_pass.features[block] for block in blocks]
    return FeatureStrip(
        phrase=unet_pass.phrase,
        over="blocks",
        blocks=blocks,
        timesteps=(unet_pass.timestep,),
        seed=unet_pass.seed,
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


def principal_components(maps: Sequence[np.ndarray]) -> Components:
    """Principal components of maps (C, h, w) of one block, all cells of all maps together."""
    tables = [_table(each) for each in maps]  # each (h * w, C)
    mean = np.concatenate(tables).mean(axis=0)
    centred = np.concatenate(tables) - mean
    values, loadings = _strongest(centred.T @ centred)  # (3,), (C, 3)
    loadings = loadings * _signs(loadings)
    scores = [(table - mean) @ loadings for table in tables]
    return _components(maps, scores, _shares(values, (centred**2).sum()), scores)


def shared_components(maps: Sequence[np.ndarray]) -> Components:
    """Components that maps (C, h, w) of different blocks share: multiple factor analysis.

    The blocks meet on one grid, of the finest among them and at most 32 x 32 cells. Each is centred
    and divided by its first singular value, so that none outweighs the others by its width or its
    scale, and the principal components of them side by side are the basis. A block's scores are its
    partial ones: their mean over the blocks is the common score (Escofier & Pagès, Computational
    Statistics & Data Analysis 18, 1994).
    """
    height, width = np.max([each.shape[1:] for each in maps], axis=0)
    meeting = (min(height, COMMON_SIDE), min(width, COMMON_SIDE))
    tables = [_table(resize(each, meeting)) for each in maps]
    means = [table.mean(axis=0) for table in tables]
    centred = [table - mean for table, mean in zip(tables, means, strict=True)]
    weights = [_weight(table) for table in centred]
    weighted = [table * weight for table, weight in zip(centred, weights, strict=True)]
    gram = np.sum([table @ table.T for table in weighted], axis=0)  # (rows, rows)
    values, units = _strongest(gram)
    lengths = np.sqrt(np.maximum(values, np.finfo(float).tiny))
    loadings = [table.T @ units / lengths for table in weighted]  # each (C, 3)
    signs = _signs(np.concatenate(loadings))
    # A block's table times its axes: weighted as the block was, and the whole counts the blocks.
    axes = [
        len(maps) * weight * loading * signs
        for weight, loading in zip(weights, loadings, strict=True)
    ]
    scores = [
        (_table(each) - mean) @ axis for each, mean, axis in zip(maps, means, axes, strict=True)
    ]
    sample = [table @ axis for table, axis in zip(centred, axes, strict=True)]
    return _components(maps, scores, _shares(values, np.trace(gram)), sample)


def _table(feature: np.ndarray) -> np.ndarray:
    """(h * w, C) float64 of a feature (C, h, w)."""
    return feature.reshape(len(feature), -1).T.astype(np.float64)


def _strongest(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest three eigenvalues and their vectors, as columns; zeros where there are fewer."""
    size = len(symmetric)
    count = min(COUNT, size)
    values, vectors = eigh(symmetric, subset_by_index=[size - count, size - 1])
    lacking = COUNT - count
    return np.pad(values[::-1], (0, lacking)), np.pad(vectors[:, ::-1], ((0, 0), (0, lacking)))


def _weight(table: np.ndarray) -> float:
    """One over the first singular value; 0 for a table without any variance."""
    smaller = table.T @ table if table.shape[0] > table.shape[1] else table @ table.T
    first = _strongest(smaller)[0][0]
    return 1 / np.sqrt(first) if first > 0 else 0.0


def _signs(loadings: np.ndarray) -> np.ndarray:
    largest = np.abs(loadings).argmax(axis=0)
    return np.where(loadings[largest, np.arange(COUNT)] < 0, -1.0, 1.0)


def _shares(values: np.ndarray, total: float) -> np.ndarray:
    return values / total if total > 0 else np.zeros(COUNT)


def _components(
    maps: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    explained: np.ndarray,
    sample: Sequence[np.ndarray],
) -> Components:
    pictures = (
        score.reshape(*each.shape[1:], COUNT).astype(np.float32)
        for each, score in zip(maps, scores, strict=True)
    )
    return Components(tuple(pictures), explained.astype(np.float32), np.concatenate(sample))
