"""Whether tensors are a whole model, and sizes read from them."""

from collections.abc import Iterable, Mapping
from itertools import groupby, takewhile
from typing import Any

from torch import Tensor

NAMED = 8  # names written out in a sentence


def check_whole(name: str, model: Any, tensors: Mapping[str, Tensor]) -> None:
    """Raises ValueError unless the tensors are the model's: none missing, none left over."""
    wanted = {key: tuple(each.shape) for key, each in model.state_dict().items()}
    given = {key: tuple(each.shape) for key, each in tensors.items()}
    others = {key for key in wanted.keys() & given.keys() if wanted[key] != given[key]}
    faults = {
        "missing": wanted.keys() - given.keys(),
        "left over": given.keys() - wanted.keys(),
        "of another shape": others,
    }
    found = [f"{len(keys)} {fault}: {listed(keys)}" for fault, keys in faults.items() if keys]
    if found:
        raise ValueError(
            f"The tensors of '{name}' do not make a whole model of Stable Diffusion 1.x "
            f"topology ({'; '.join(found)})."
        )


def listed(names: Iterable[str]) -> str:
    """The names, or of more than `NAMED` what they have in common and how many have it."""
    told = sorted(names)
    if len(told) > NAMED:
        groups = [list(group) for _, group in groupby(told, lambda name: name.split(".")[0])]
        told = [
            f"{_shared_beginning(group)}* ({len(group)})" if len(group) > 1 else group[0]
            for group in groups
        ]
    more = len(told) - NAMED
    return ", ".join(told[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _shared_beginning(names: list[str]) -> str:
    """What sorted names have in common, up to a dot: that of the first and the last."""
    pairs = zip(names[0].split("."), names[-1].split("."), strict=False)
    return "".join(f"{first}." for first, last in takewhile(lambda pair: pair[0] == pair[1], pairs))


def shape_of(tensors: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    """The shape that a size is read from; raises ValueError naming the key if it is not there."""
    if key not in tensors:
        raise ValueError(f"The tensor '{key}' is missing, so the model's size cannot be told.")
    return tuple(tensors[key].shape)


def count_numbers(keys: Iterable[str], prefix: str) -> int:
    """How many numbers follow a prefix among the keys."""
    rests = (key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    return len({rest.split(".")[0] for rest in rests})
