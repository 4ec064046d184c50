"""One model on its way to disk: checked against its architecture, then written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from ldznet.checkpoints.official.whole import check_whole


@dataclass(frozen=True)
class Part:
    """Where a model goes, what it is (built on the meta device), and its tensors by our names."""

    name: str  # its folder: "ldznet", "backbone/unet"
    model: Any
    tensors: Mapping[str, Tensor]
    weights: str = "diffusion_pytorch_model.safetensors"

    def check(self) -> None:
        """Raises ValueError unless the tensors are the model's: none missing, none left over."""
        check_whole(self.name, self.model, self.tensors)

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
