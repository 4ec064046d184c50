"""`convert`: a checkpoint in, a folder of networks and backbone out, and an account of all of it.

Only one part's tensors are read at a time, straight from the mapped checkpoint into the file.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import CLIPTokenizer

from ldznet.checkpoints.conversion.backbone import first_stage_part, text_encoder_part, unet_part
from ldznet.checkpoints.conversion.checkpoint import read_checkpoint
from ldznet.checkpoints.conversion.contents import (
    FIRST_STAGE,
    LDM,
    NETWORK,
    TEXT_ENCODER,
    Contents,
    sort_tensors,
)
from ldznet.checkpoints.conversion.network import network_part
from ldznet.checkpoints.conversion.part import Part
from ldznet.checkpoints.official.whole import listed
from ldznet.checkpoints.schedule import build_scheduler, is_standard

BACKBONE = "backbone"
ABSENT = "not in the checkpoint"
# Folder and builder of each backbone group; a plain Stable Diffusion has its U-Net under NETWORK.
BUILDERS: dict[str, tuple[str, Callable[[Mapping[str, Tensor]], Part]]] = {
    LDM: ("unet", unet_part),
    NETWORK: ("unet", unet_part),
    FIRST_STAGE: ("vae", first_stage_part),
    TEXT_ENCODER: ("text_encoder", text_encoder_part),
}


@dataclass(frozen=True)
class Conversion:
    """What became of a checkpoint: each of its tensors is in a written part or in `unused`."""

    written: dict[str, dict[str, Any]]  # folder -> tensors, parameters, precision, size
    averaged: int  # how many of the network's tensors are averages
    missing: dict[str, str]  # what a whole backbone lacks -> why
    unused: dict[str, list[str]] = field(repr=False)  # reason -> keys in the checkpoint


def convert(
    checkpoint: str | Path, folder: str | Path, tokenizer: str | Path | None = None
) -> Conversion:
    """Write an official checkpoint's models to an existing folder, and say what became of it.

    `folder/<network>` is for `load_network`; `folder/backbone` for `LatentDiffusion`, as far as the
    checkpoint holds one. A checkpoint holds no tokenizer: `tokenizer` is a folder with one.

    Raises ValueError in one sentence, and then has written nothing, if the checkpoint cannot be
    read (see `read_checkpoint`), holds nothing to convert, or a network that is not whole or not of
    Stable Diffusion 1.x topology, if the disk is too full, or for a tokenizer that cannot be read
    or does not fit.
    """
    words = _read_tokenizer(tokenizer) if tokenizer is not None else None
    contents = sort_tensors(read_checkpoint(checkpoint))
    parts = [network_part(contents.network)] if contents.network else []
    for part in parts:
        part.check()
    frozen, missing = _backbone_parts(contents)
    if not parts and not frozen:
        raise ValueError(_nothing(Path(checkpoint).name, contents, missing))
    if words is not None:
        _check_vocabulary(words, frozen)
    _check_space(Path(folder), [*parts, *frozen])
    if frozen:
        missing |= _add_rest(Path(folder) / BACKBONE, contents.betas, words)
    written = {}
    for part in [*parts, *frozen]:
        part.write(Path(folder))
        written[part.name] = _describe(part)
    unused = contents.unused | {
        f"of '{name}', which is not whole": [prefix + key for key in tensors]
        for prefix, tensors in contents.backbone.items()
        if (name := _place(prefix)) in missing
    }
    return Conversion(written, contents.averaged, missing, unused)


def _check_space(folder: Path, parts: list[Part]) -> None:
    needed, free = sum(part.bytes for part in parts), shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"The converted models take {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB "
            "left; make room, or name a folder on another disk."
        )


def _backbone_parts(contents: Contents) -> tuple[list[Part], dict[str, str]]:
    """The parts that are whole, and why each other one is missing."""
    parts = []
    missing = {_place(prefix): ABSENT for prefix in BUILDERS}
    for prefix, tensors in contents.backbone.items():
        try:
            part = BUILDERS[prefix][1](tensors)
            part.check()
        except ValueError as error:
            missing[_place(prefix)] = str(error)
        else:
            parts.append(part)
            del missing[part.name]
    return parts, missing


def _place(prefix: str) -> str:
    return f"{BACKBONE}/{BUILDERS[prefix][0]}"


def _add_rest(folder: Path, betas: list[Tensor], words: CLIPTokenizer | None) -> dict[str, str]:
    """Write scheduler and tokenizer beside the models; what could not be written, and why."""
    missing = {}
    if all(is_standard(each) for each in betas):
        build_scheduler().save_pretrained(folder / "scheduler")
    else:
        missing[f"{BACKBONE}/scheduler"] = "the noise schedule is not that of Stable Diffusion 1.x"
    if words is None:
        missing[f"{BACKBONE}/tokenizer"] = "not in any checkpoint; give a folder with --tokenizer"
    else:
        words.save_pretrained(folder / "tokenizer")
    return missing


def _read_tokenizer(folder: str | Path) -> CLIPTokenizer:
    if not any((Path(folder) / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ValueError(
            f"The folder '{folder}' holds no tokenizer; name one with tokenizer.json, or with "
            "vocab.json and merges.txt, such as that of any Stable Diffusion 1.x."
        )
    try:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # transformers, tokenizers and json each raise kinds of their own
        raise ValueError(
            f"The tokenizer in '{folder}' cannot be read; copy its files again."
        ) from error


def _check_vocabulary(words: CLIPTokenizer, parts: list[Part]) -> None:
    if not parts:
        raise ValueError("The checkpoint holds no part of a backbone; leave --tokenizer out.")
    for part in parts:
        size = getattr(part.model.config, "vocab_size", None)
        if size is not None and size != len(words):
            raise ValueError(
                f"The tokenizer knows {len(words)} tokens, the checkpoint's text encoder {size}; "
                "give the tokenizer that the text encoder was trained with."
            )


def _nothing(name: str, contents: Contents, missing: Mapping[str, str]) -> str:
    found = [why for why in missing.values() if why != ABSENT]
    if not found:
        keys = [key for keys in contents.unused.values() for key in keys]
        found = [f"its tensors are {listed(keys)}"]
    return (
        f"'{name}' holds neither a segmentation network nor a part of Stable Diffusion 1.x under "
        f"their official names; {' '.join(found)}"
    )


def _describe(part: Part) -> dict[str, Any]:
    config = part.model.config
    sizes = ("block_out_channels", "cross_attention_dim", "hidden_size", "sample_size", "factor")
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in part.tensors.values()})
    return {
        "tensors": len(part.tensors),
        "parameters": sum(tensor.numel() for tensor in part.tensors.values()),
        "precision": ", ".join(kinds),
        "size": {name: getattr(config, name) for name in sizes if hasattr(config, name)},
    }
