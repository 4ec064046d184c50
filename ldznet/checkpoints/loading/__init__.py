"""`load_parts`: a backbone's parts from a folder, a checkpoint, or the Hugging Face hub.

Whatever is wrong comes as one ValueError whose sentence says what and what to do. It names models,
files and folders, and never where on this machine they are.
"""

from pathlib import Path
from typing import Any

import torch

from ldznet.checkpoints.hub import fetch, is_hub_id, split_revision
from ldznet.checkpoints.loading.checkpoint import load_checkpoint
from ldznet.checkpoints.loading.folder import check_configuration, load_folder

CONFIGURATION = (
    "model_index.json",
    "vae/config.json",
    "unet/config.json",
    "text_encoder/config.json",
    "scheduler/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
)
WEIGHTS = (
    "vae/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
)

PICKLES = (".ckpt", ".pt", ".pth", ".bin")


def load_parts(
    source: str | Path, *, revision: str | None, device: torch.device, precision: str
) -> dict[str, Any]:
    """vae, unet, text_encoder, tokenizer and scheduler, by these names, on the device.

    `source` is a folder of diffusers' layout, a checkpoint in the official layout (.safetensors),
    or a hub id, "owner/name" or "owner/name@revision". Raises ValueError as the module says.
    """
    path = Path(source)
    name = path.name
    is_file = path.suffix in (".safetensors", *PICKLES)
    if path.is_dir():
        parts = load_folder(path, name, device, precision)
    elif path.is_file():
        _check_suffix(path)
        parts = load_checkpoint(path, device, precision)
    elif isinstance(source, str) and is_hub_id(source) and not is_file:
        name, revision = split_revision(source, revision)
        folder = fetch(name, revision, CONFIGURATION)
        check_configuration(folder, name)  # before gigabytes are fetched
        # The folder is named after its commit, so both halves are of the same state.
        parts = load_folder(fetch(name, folder.name, WEIGHTS), name, device, precision)
    else:
        what = "file" if is_file else "model folder"
        raise ValueError(f"There is no {what} '{name}'; check the path.")
    _check_belonging(parts, name)
    for part in (parts["vae"], parts["unet"], parts["text_encoder"]):
        part.to(device)
    return parts


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


def _check_belonging(parts: dict[str, Any], name: str) -> None:
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
