"""Data sets of pictures, phrases and masks: every one is a sequence of `Sample`."""

from collections.abc import Callable, Sequence
from typing import Any

from ldznet.data.shapes.dataset import Shapes
from ldznet.types import Sample

DATASETS: dict[str, Callable[..., Sequence[Sample]]] = {"shapes": Shapes}


def open_dataset(name: str, split: str, **options: Any) -> Sequence[Sample]:
    """The data set of this name; `options` are those of its class in `DATASETS`."""
    if name not in DATASETS:
        raise ValueError(f"Data set must be one of {', '.join(DATASETS)}; got {name}.")
    return DATASETS[name](split, **options)
