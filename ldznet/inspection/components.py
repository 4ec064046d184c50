"""Main components of feature maps: of one block's together, or of several blocks' that differ.

Signs are fixed, so that colours do not flip from run to run: of each component the loading of
largest magnitude is positive.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from ldznet.inspection.unet_pass import resize

COUNT = 3  # red, green and blue
# Cells along a side on which blocks of different size meet: enough for three components, and what
# grows with the fourth power of the side stays small.
COMMON_SIDE = 32


@dataclass(frozen=True)
class Components:
    """The first three components of several maps, strongest first."""

    scores: tuple[np.ndarray, ...]  # each (h, w, 3) float32, on its map's own grid
    explained: np.ndarray  # (3,) float32 share of the variance, in [0, 1]
    # (rows, 3): all scores, every map with equally many rows, to choose a range of values by
    sample: np.ndarray


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
