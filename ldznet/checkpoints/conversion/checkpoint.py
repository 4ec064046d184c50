"""Reads the tensors of a PyTorch or Lightning checkpoint without running anything it holds."""

import re
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
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

HEAD = 512  # bytes that tell what kind of file it is


class _StandIn:
    """Takes the place of an object that is not needed; ignores whatever it is given."""

    def __new__(cls, *args: Any, **options: Any) -> "_StandIn":
        return super().__new__(cls)

    def __init__(self, *args: Any, **options: Any) -> None:
        """Nothing to keep."""

    def __setstate__(self, state: Any) -> None:
        """Nothing to keep."""


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """The checkpoint's tensors by their keys, mapped from the file where its format allows.

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
        raise _refused(path, re.findall(r"GLOBAL ([\w.]+)", str(error))) from error
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
        raise _refused(path, strangers)
    return names


def _state_dict(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict):
        content = content.get("state_dict", content)  # Lightning's, or the tensors alone
        if isinstance(content, dict):
            tensors = {key: each for key, each in content.items() if isinstance(each, Tensor)}
            if tensors:
                return tensors
    raise ValueError(f"'{path.name}' holds no tensors under names; name an official checkpoint.")


def _refused(path: Path, names: list[str]) -> ValueError:
    asks = f"asks for {', '.join(names)}, which tensors do not need" if names else "is not plain"
    return ValueError(
        f"'{path.name}' could run code when opened: its pickle {asks}; it was refused and nothing "
        "in it was run."
    )


def _damaged(path: Path) -> ValueError:
    return ValueError(f"'{path.name}' is cut short or damaged; download it again.")
