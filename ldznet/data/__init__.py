"""Data sets of pictures, phrases and masks: every one is a sequence of `Sample`."""

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

from ldznet.data.shapes.dataset import Shapes
from ldznet.types import Sample

# By name, what makes the samples of a split; its keyword arguments are the data set's options.
DATASETS: dict[str, Callable[..., Sequence[Sample]]] = {"shapes": Shapes}


def open_dataset(name: str, split: str, **options: Any) -> Sequence[Sample]:
    """The data set of this name; `options` as `options_of` names them.

    Raises ValueError for an unknown name, and as the data set does.
    """
    return _find(name)(split, **options)


def options_of(name: str) -> tuple[str, ...]:
    """The options that the data set of this name takes; raises ValueError for an unknown name."""
    return tuple(signature(_find(name)).parameters)[1:]  # the first is the split


def _find(name: str) -> Callable[..., Sequence[Sample]]:
    if name not in DATASETS:
        raise ValueError(f"Data set must be one of {', '.join(DATASETS)}; got {name}.")
    return DATASETS[name]
