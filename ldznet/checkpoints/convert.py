"""`convert`: a checkpoint in, a folder of networks and backbone out, and an account of all of it.

Only one part's tensors are read at a time, straight from the mapped checkpoint into the file.
"""

import math
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from ldznet.blocks import UNET_STRIDE
from ldznet.checkpoints import official
from ldznet.checkpoints.file import Part, listed, read_pickle
from ldznet.checkpoints.schedule import MARKERS, find_scheduler

# How the keys of each group begin; the first that fits counts.
LDM = "sd_features_stage_model.model.model.diffusion_model."  # the frozen diffusion model
NETWORK = official.UNET  # what was trained: the segmentation network
AVERAGES = official.AVERAGES
PREFIXES = (LDM, NETWORK, AVERAGES, official.FIRST_STAGE, official.CLIP, official.OPEN_CLIP)

# The numbers of a noise schedule, which follow from its betas.
SCHEDULE = re.compile(
    r"(sd_features_stage_model\.model\.)?"
    r"(betas|(sqrt_|log_|one_minus_|recip_|recipm1_)*alphas_cumprod(_prev)?"
    r"|posterior_(variance|log_variance_clipped|mean_coef[12]))"
)

# Why a tensor is in no part that is written.
AS_TRAINED = "weights as trained, of which the averages were taken"
COUNTERS = "counters of the averaging"
NUMBERED = "position numbers, which the text encoder counts by itself"
SCHEDULED = "noise schedule, which the scheduler computes"
LDM_AVERAGES = "averages of the diffusion model, of which the official recipe takes the weights"
STATED = "what was trained on, which the scheduler says"
SURPLUS = "of training or another task, which the model does not read"
UNKNOWN = "unknown"

# Folder and builder of each backbone group; a plain Stable Diffusion has its U-Net under NETWORK.
BUILDERS: dict[str, tuple[str, Callable[[Mapping[str, Tensor]], tuple[Any, dict[str, Tensor]]]]] = {
    LDM: ("backbone/unet", official.build_unet),
    NETWORK: ("backbone/unet", official.build_unet),
    official.FIRST_STAGE: ("backbone/vae", official.build_first_stage),
    official.CLIP: ("backbone/text_encoder", official.build_clip),
    official.OPEN_CLIP: ("backbone/text_encoder", official.build_open_clip),
}
ABSENT = "not in the checkpoint"

SAMPLE_SIZE = 48  # latent cells of the paper's 384 pixels, where no position table tells
POSITIONS = "middle_block.1.attentionpool2D.positional_embedding"  # (C, 1 + grid * grid)
PROJECTION = "input_blocks.1.1.proj_in.weight"  # linear in Stable Diffusion 2.x
STEM = "stem."


@dataclass(frozen=True)
class Conversion:
    """What became of a checkpoint: each of its tensors is in a written part or in `unused`."""

    written: dict[str, dict[str, Any]]  # folder -> tensors, parameters, precision, size
    averaged: int  # how many of the network's tensors are averages
    missing: dict[str, str]  # what a whole backbone lacks -> why
    unused: dict[str, list[str]] = field(repr=False)  # reason -> keys in the checkpoint


def convert(
    checkpoint: str | Path,
    folder: str | Path,
    networks: Mapping[str, Callable[..., Any]],
    tokenizer: str | Path | None = None,
) -> Conversion:
    """Write an official checkpoint's models to an existing folder, and say what became of it.

    `folder/<network>` is for `load_network`; `folder/backbone` for `LatentDiffusion`, as far as the
    checkpoint holds one. `networks` are the classes of which its network may be, by their names. A
    checkpoint holds no tokenizer: `tokenizer` is a folder with one.

    Raises ValueError in one sentence, and then has written nothing, if the checkpoint cannot be
    read (see `read_pickle`), holds nothing to convert, or a network that is not whole or not of
    Stable Diffusion 1.x topology, if the disk is too full, or for a tokenizer that cannot be read
    or does not fit.
    """
    vocabulary = _read_tokenizer(tokenizer) if tokenizer is not None else None
    contents = sort_tensors(read_pickle(checkpoint))
    parts = [_network_part(contents.network, networks)] if contents.network else []
    for part in parts:
        part.check()
    frozen, missing = _backbone_parts(contents)
    if not parts and not frozen:
        raise ValueError(_nothing(Path(checkpoint).name, contents, missing))
    if vocabulary is not None:
        _check_vocabulary(vocabulary, frozen)
    _check_space(Path(folder), [*parts, *frozen])
    if frozen:
        missing |= _add_scheduler(Path(folder) / "backbone", Path(checkpoint), contents, frozen)
        missing |= _add_tokenizer(Path(folder) / "backbone", vocabulary)
    written = {}
    for part in [*parts, *frozen]:
        part.write(Path(folder))
        written[part.name] = _describe(part)
    unused = contents.unused | {
        f"of '{name}', which is not whole": [prefix + key for key in tensors]
        for prefix, tensors in contents.backbone.items()
        if (name := BUILDERS[prefix][0]) in missing
    }
    passed = [
        prefix + key
        for prefix, tensors in contents.backbone.items()
        if BUILDERS[prefix][0] not in missing
        for key in sorted(official.surplus(prefix, tensors))
    ]
    if passed:
        unused[SURPLUS] = passed
    return Conversion(written, contents.averaged, missing, unused)


# --- What is what among the keys of a checkpoint that holds a whole training's model.


@dataclass(frozen=True)
class Contents:
    """The tensors of a checkpoint by what they are, under their keys without the prefix."""

    network: dict[str, Tensor]  # the segmentation network, averaged where it can be
    averaged: int  # how many of its tensors are averages
    backbone: dict[str, dict[str, Tensor]]  # by the prefix that their keys had
    betas: list[Tensor]  # of each noise schedule
    markers: list[str]  # keys that state what the model predicts
    unused: dict[str, list[str]]  # whole keys, by the reason


def sort_tensors(tensors: Mapping[str, Tensor]) -> Contents:
    """Every tensor's place. Of the network the averages count, as in the official inference."""
    groups: dict[str, dict[str, Tensor]] = {prefix: {} for prefix in PREFIXES}
    unused: dict[str, list[str]] = {}
    betas = []

    def leave(reason: str, *keys: str) -> None:
        unused.setdefault(reason, []).extend(keys)

    for key, tensor in tensors.items():
        prefix = next((prefix for prefix in PREFIXES if key.startswith(prefix)), None)
        if prefix is None:
            scheduled = SCHEDULE.fullmatch(key)
            leave(SCHEDULED if scheduled else STATED if key in MARKERS else UNKNOWN, key)
            if SCHEDULE.fullmatch(key) and key.endswith(official.BETAS):
                betas.append(tensor)
        elif key.endswith("embeddings.position_ids"):
            leave(NUMBERED, key)
        elif key in (f"{AVERAGES}decay", f"{AVERAGES}num_updates"):
            leave(COUNTERS, key)
        else:
            groups[prefix][key.removeprefix(prefix)] = tensor

    trained, averages = groups.pop(NETWORK), groups.pop(AVERAGES)
    originals = original_keys(averages, trained)
    network = trained | {key: averages[name] for name, key in originals.items()}
    if _is_segmentation(network):
        leave(AS_TRAINED, *(NETWORK + key for key in originals.values() if key in trained))
        leave(UNKNOWN, *(AVERAGES + name for name in averages if name not in originals))
    else:  # a plain Stable Diffusion: what was trained is the diffusion model
        network, originals = {}, {}
        if trained or groups[LDM]:
            leave(LDM_AVERAGES, *(AVERAGES + name for name in averages))
        else:  # the averages alone
            trained = official.from_averages(averages)
        if groups[LDM]:
            leave(UNKNOWN, *(NETWORK + key for key in trained))
        else:
            groups = {NETWORK: trained} | groups
    backbone = {prefix: group for prefix, group in groups.items() if group}
    unused = {reason: keys for reason, keys in unused.items() if keys}
    return Contents(network, len(originals), backbone, betas, unused.get(STATED, []), unused)


def original_keys(averages: Mapping[str, Tensor], trained: Mapping[str, Tensor]) -> dict[str, str]:
    """The official key of every average that has one, by the average's own (without dots).

    Averages are kept under `diffusion_model.<key>` with its dots taken out; the weights as trained
    need not be in the checkpoint.
    """
    known = {key.replace(".", ""): key for key in trained}
    originals = {}
    for name in averages:
        plain = name.removeprefix("diffusion_model")
        if key := known.get(plain) or official.with_dots(plain):
            originals[name] = key
    return originals


def _is_segmentation(tensors: Mapping[str, Tensor]) -> bool:
    """Whether a U-Net under its official keys ends in one map or a mask head, not in a noise."""
    output = tensors.get("out.2.weight")
    one_map = output is not None and output.shape[0] == 1
    return one_map or any(key.startswith("final.") for key in tensors)


# --- The models.


def _network_part(
    tensors: Mapping[str, Tensor], networks: Mapping[str, Callable[..., Any]]
) -> Part:
    """The network with these tensors, given by their official keys without the prefix.

    It is the one that fits them best. RGBNet is not in the official code: its U-Net and head are
    taken under the official keys, its stem under ours. Raises ValueError for keys that no network
    has, or if a tensor that tells the network's size is missing.
    """
    stem = {key: tensor for key, tensor in tensors.items() if key.startswith(STEM)}
    ours = official.rename_network({key: tensors[key] for key in tensors if key not in stem}) | stem
    size = official.unet_size(tensors) | {
        "sample_size": _sample_size(tensors),
        "factor": _factor(tensors),
    }
    with torch.device("meta"):
        models = {name: build(**size) for name, build in networks.items()}
    name = min(models, key=lambda each: len(models[each].state_dict().keys() ^ ours.keys()))
    return Part(name, models[name], ours)


def _sample_size(tensors: Mapping[str, Tensor]) -> int:
    if POSITIONS not in tensors:
        return SAMPLE_SIZE
    return math.isqrt(official.shape_of(tensors, POSITIONS)[1] - 1) * UNET_STRIDE


def _factor(tensors: Mapping[str, Tensor]) -> int:
    """Pixels per latent cell: every second layer of the head is a doubling or a convolution."""
    layers = [key for key in tensors if re.fullmatch(r"final\.\d+\.weight", key)]
    return 2 ** (len(layers) // 2)


def _backbone_parts(contents: Contents) -> tuple[list[Part], dict[str, str]]:
    """The parts that are whole, and why each other one is missing."""
    parts = []
    missing = {name: ABSENT for name, _ in BUILDERS.values()}
    second = _is_second(contents)
    for prefix, tensors in contents.backbone.items():
        name, build = BUILDERS[prefix]
        try:
            if prefix == official.CLIP:
                part = Part(name, *official.build_clip(tensors, second=second))
            else:
                part = Part(name, *build(tensors))
            part.check()
        except ValueError as error:
            missing[name] = str(error)
        else:
            parts.append(part)
            missing.pop(name, None)
    return parts, missing


def _is_second(contents: Contents) -> bool:
    """Whether the backbone's U-Net is that of Stable Diffusion 2.x."""
    unet = contents.backbone.get(LDM) or contents.backbone.get(NETWORK) or {}
    return PROJECTION in unet and official.is_second_generation(unet)


def _check_space(folder: Path, parts: list[Part]) -> None:
    needed, free = sum(part.bytes for part in parts), shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"The converted models take {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB "
            "left; make room, or name a folder on another disk."
        )


# --- What lies beside the models.


def _add_scheduler(
    folder: Path, checkpoint: Path, contents: Contents, parts: list[Part]
) -> dict[str, str]:
    """Write the scheduler beside the models, or say why not.

    The U-Net is filled once more from where it is mapped, and shows what it predicts.
    """
    written = [part for part in parts if part.name == "backbone/unet"]
    if not written:
        return {"backbone/scheduler": "it goes with a U-Net"}
    again = next(part for part in _backbone_parts(contents)[0] if part.name == "backbone/unet")
    unet, second = again.fill(torch.float32), _is_second(contents)
    try:
        scheduler = find_scheduler(
            checkpoint, unet, contents.betas, contents.markers, second=second
        )
    except ValueError as error:
        return {"backbone/scheduler": str(error)}
    written[0].model.register_to_config(sample_size=unet.config.sample_size)
    scheduler.save_pretrained(folder / "scheduler")
    return {}


def _add_tokenizer(folder: Path, vocabulary: CLIPTokenizer | None) -> dict[str, str]:
    """Write the tokenizer beside the models, or say why not."""
    missing = {}
    if vocabulary is None:
        missing["backbone/tokenizer"] = "not in any checkpoint; give a folder with --tokenizer"
    else:
        vocabulary.save_pretrained(folder / "tokenizer")
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


def _check_vocabulary(vocabulary: CLIPTokenizer, parts: list[Part]) -> None:
    if not parts:
        raise ValueError("The checkpoint holds no part of a backbone; leave --tokenizer out.")
    for part in parts:
        size = getattr(part.model.config, "vocab_size", None)
        if size is not None and size != len(vocabulary):
            raise ValueError(
                f"The tokenizer knows {len(vocabulary)} tokens, the checkpoint's text encoder "
                f"{size}; give the tokenizer that the text encoder was trained with."
            )


# --- The account.


def _nothing(name: str, contents: Contents, missing: Mapping[str, str]) -> str:
    reasons = [why for why in missing.values() if why != ABSENT]
    if not reasons:
        strangers = [key for keys in contents.unused.values() for key in keys]
        reasons = [f"its tensors are {listed(strangers)}"]
    return (
        f"'{name}' holds neither a segmentation network nor a part of Stable Diffusion 1.x under "
        f"their official names; {' '.join(reasons)}"
    )


def _describe(part: Part) -> dict[str, Any]:
    config = part.model.config
    sizes = ("block_out_channels", "cross_attention_dim", "hidden_size", "sample_size", "factor")
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in part.tensors.values()})
    return {
        "tensors": len(part.tensors),
        "parameters": part.parameters,
        "precision": ", ".join(kinds),
        "size": {name: getattr(config, name) for name in sizes if hasattr(config, name)},
    }
