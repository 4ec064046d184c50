"""One model on its way to disk: checked against its architecture, then written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

NAMED = 8  # names written out in a sentence


@dataclass(frozen=True)
class Part:
    """Where a model goes, what it is (built on the meta device), and its tensors by our names."""

    name: str  # its folder: "ldznet", "backbone/unet"
    model: Any
    tensors: Mapping[str, Tensor]
    weights: str = "diffusion_pytorch_model.safetensors"

    def check(self) -> None:
        """Raises ValueError unless the tensors are the model's: none missing, none left over."""
        wanted = {name: tuple(each.shape) for name, each in self.model.state_dict().items()}
        given = {name: tuple(each.shape) for name, each in self.tensors.items()}
        others = {name for name in wanted.keys() & given.keys() if wanted[name] != given[name]}
        faults = {
            "missing": wanted.keys() - given.keys(),
            "left over": given.keys() - wanted.keys(),
            "of another shape": others,
        }
        found = [
            f"{len(names)} {fault}: {listed(names)}" for fault, names in faults.items() if names
        ]
        if found:
            raise ValueError(
                f"The tensors of '{self.name}' do not make a whole model of Stable Diffusion 1.x "
                f"topology ({'; '.join(found)})."
            )

    @property
    def bytes(self) -> int:
        """What the weights take on the disk, but for their names."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def write(self, folder: Path) -> None:
        """Write configuration and weights, tensor by tensor from where they are mapped."""
        place = folder / self.name
        place.mkdir(parents=True)
        if hasattr(self.model, "save_config"):
            self.model.save_config(place)
        else:  # transformers
            self.model.config.save_pretrained(place)
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        save_file(tensors, place / self.weights, metadata={"format": "pt"})
        (place / self.weights).chmod(0o644)  # safetensors leaves it to its owner alone


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
