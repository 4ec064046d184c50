"""Files of weights: read without running anything in them, and given to a model as a whole.

A tensor is mapped from its file where the format allows: it takes memory only when it is used, and
until the last of its mapping is gone.
"""

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

# What training leaves in a checkpoint beside the tensors. None of it is imported: wherever the
# pickle asks for one of these, an empty stand-in is put.
BYSTANDERS = re.compile(
    r"(pytorch_lightning|lightning\.pytorch)\.callbacks\.[\w.]+"
    r"|omegaconf\.[\w.]+"
    r"|numpy(\.core|\._core)\.multiarray\.(scalar|_reconstruct)"
    r"|numpy\.(dtype|ndarray)"
    r"|argparse\.Namespace|collections\.defaultdict|pathlib\.\w*Path|typing\.Any"
    r"|builtins\.(dict|list|int|float|str|bool|tuple|bytes)"
)
HEAD = 512  # bytes that show what kind of file it is
NAMED = 8  # names written out in a sentence


@dataclass(frozen=True)
class Part:
    """A model built on the meta device, and the tensors that are to be its weights."""

    name: str  # of its folder: "unet", "ldznet", "backbone/unet"
    model: Any
    tensors: dict[str, Tensor]  # by the model's own names

    def check(self) -> None:
        """Raises ValueError unless the tensors are the model's: none missing, none left over."""
        faults = find_faults(self.model, self.tensors)
        if faults:
            sentences = [f"{len(keys)} {fault}: {listed(keys)}" for fault, keys in faults.items()]
            raise ValueError(
                f"The tensors of '{self.name}' do not make a whole model of Stable Diffusion 1.x "
                f"topology ({'; '.join(sentences)})."
            )

    @property
    def parameters(self) -> int:
        return sum(tensor.numel() for tensor in self.tensors.values())

    @property
    def bytes(self) -> int:
        """What the weights take on the disk, but for their names."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def fill(self, dtype: torch.dtype | None = None) -> Any:
        """The model with its weights, evaluating, in a number format or in that of its tensors.

        Tensors of that format stay mapped; others are read one by one into it. The part is empty
        afterwards, so that what was mapped for it can go.
        """
        weights = {key: each.to(dtype or each.dtype) for key, each in self.tensors.items()}
        self.tensors.clear()
        self.model.load_state_dict(weights, assign=True)
        for name, buffer in list(self.model.named_buffers()):
            if buffer.is_meta:  # the text encoder's position numbers, which no file holds
                owner, _, own = name.rpartition(".")
                numbers = torch.arange(buffer.shape[-1]).expand(buffer.shape)
                self.model.get_submodule(owner).register_buffer(own, numbers, persistent=False)
        return self.model.eval()

    def write(self, folder: Path) -> None:
        """Write configuration and weights, tensor by tensor from where they are mapped."""
        place = folder / self.name
        place.mkdir(parents=True)
        if hasattr(self.model, "save_config"):
            self.model.save_config(place)
            file = place / "diffusion_pytorch_model.safetensors"
        else:  # transformers
            self.model.config.save_pretrained(place)
            file = place / "model.safetensors"
        tensors = {name: tensor.contiguous() for name, tensor in self.tensors.items()}
        save_file(tensors, file, metadata={"format": "pt"})
        file.chmod(0o644)  # safetensors leaves it to its owner alone


def find_faults(model: Any, tensors: Mapping[str, Tensor]) -> dict[str, set[str]]:
    """The names of tensors that keep these from being the model's, by what is wrong with them."""
    needed = {key: tuple(each.shape) for key, each in model.state_dict().items()}
    given = {key: tuple(each.shape) for key, each in tensors.items()}
    faults = {
        "missing": needed.keys() - given.keys(),
        "left over": given.keys() - needed.keys(),
        "of another shape": {
            key for key in needed.keys() & given.keys() if needed[key] != given[key]
        },
    }
    return {fault: keys for fault, keys in faults.items() if keys}


def listed(names: Iterable[str]) -> str:
    """The names, or of more than `NAMED` what they have in common and how many have it."""
    items = sorted(names)
    if len(items) > NAMED:
        groups = [list(group) for _, group in groupby(items, lambda name: name.split(".")[0])]
        items = [
            f"{_shared_beginning(group)}* ({len(group)})" if len(group) > 1 else group[0]
            for group in groups
        ]
    more = len(items) - NAMED
    return ", ".join(items[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _shared_beginning(names: list[str]) -> str:
    """What sorted names have in common, up to a dot: that of the first and the last."""
    pairs = zip(names[0].split("."), names[-1].split("."), strict=False)
    return "".join(f"{first}." for first, last in takewhile(lambda pair: pair[0] == pair[1], pairs))


def read_safetensors(path: Path, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose keys begin so, without that, in a mapping of the file of their own.

    Raises ValueError in one sentence for a file that is cut short or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            keys = [key for key in file.offset_keys() if key.startswith(prefix)]
            return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"'{path.name}' is cut short or damaged; copy or download it again."
        ) from error


class _StandIn:
    """Takes the place of an object that is not needed; ignores whatever it is given."""

    def __new__(cls, *args: Any, **options: Any) -> "_StandIn":
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Nothing to keep."""

    def __setstate__(self, state: Any) -> None:
        """Nothing to keep."""


def read_pickle(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch or Lightning checkpoint by their keys.

    Raises ValueError in one sentence: no such file, another kind of file, cut short or damaged,
    without tensors, or a pickle that asks for code that tensors do not need.
    """
    path = Path(path)
    _check_kind(path)
    zipped = zipfile.is_zipfile(path)
    try:
        bystanders = _bystanders(path) if zipped else []
        with safe_globals([(_StandIn, name) for name in bystanders]):
            # Files from before PyTorch 1.6 are no archives and cannot be mapped.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except UnpicklingError as error:
        raise _refusal(path, re.findall(r"GLOBAL ([\w.]+)", str(error))) from error
    except (RuntimeError, EOFError, OSError, KeyError, IndexError, TypeError) as error:
        raise _damaged(path) from error
    return _state_dict(content, path)


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"'{path.name}' is a folder; name the checkpoint file in it.")
    if not path.is_file():
        raise ValueError(f"There is no checkpoint '{path}'; check the path.")
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise ValueError(f"'{path.name}' is empty; download it again.")
    if head.lstrip().startswith(b"<"):
        raise ValueError(
            f"'{path.name}' is a web page and no checkpoint; download it again, following the link."
        )
    if head.startswith(b"version https://git-lfs"):
        raise ValueError(
            f"'{path.name}' only points to the checkpoint; fetch the file itself with git lfs pull."
        )
    if head[8:9] == b"{":  # after the header's length
        raise ValueError(
            f"'{path.name}' is a safetensors file; only official PyTorch checkpoints (.ckpt) are "
            "converted."
        )
    if head.startswith(b"PK"):
        _check_archive(path)
    elif not head.startswith(b"\x80"):  # a pickle, which every older checkpoint is
        raise ValueError(f"'{path.name}' is no PyTorch checkpoint; name an official one (.ckpt).")


def _check_archive(path: Path) -> None:
    if not zipfile.is_zipfile(path):  # its table of contents is at the end
        raise _damaged(path)
    with zipfile.ZipFile(path) as archive:
        members = {name.split("/")[-1] for name in archive.namelist()}
    if "constants.pkl" in members:
        raise ValueError(f"'{path.name}' is a TorchScript program; name an official checkpoint.")
    if "data.pkl" not in members:
        raise ValueError(
            f"'{path.name}' is an archive but no PyTorch checkpoint; unpack it and name the "
            "checkpoint inside."
        )


def _bystanders(path: Path) -> list[str]:
    """The names in the pickle that need a stand-in; reading them runs nothing."""
    names = sorted(get_unsafe_globals_in_checkpoint(path))
    strangers = [name for name in names if not BYSTANDERS.fullmatch(name)]
    if strangers:
        raise _refusal(path, strangers)
    return names


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict):
        content = content.get("state_dict", content)  # Lightning's, or the tensors alone
        if isinstance(content, dict):
            tensors = {key: each for key, each in content.items() if isinstance(each, Tensor)}
            if tensors:
                return tensors
    raise ValueError(f"'{path.name}' holds no tensors under names; name an official checkpoint.")


def _refusal(path: Path, names: list[str]) -> ValueError:
    asks = f"asks for {', '.join(names)}, which tensors do not need" if names else "is not plain"
    return ValueError(
        f"'{path.name}' could run code when opened: its pickle {asks}; it was refused and nothing "
        "in it was run."
    )


def _damaged(path: Path) -> ValueError:
    return ValueError(f"'{path.name}' is cut short or damaged; download it again.")
