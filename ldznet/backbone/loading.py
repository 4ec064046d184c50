"""Reads the parts of a diffusers folder, and says in one sentence what is wrong with it."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from huggingface_hub import snapshot_download
from transformers import CLIPTextModel, CLIPTokenizer

# VAE classes a folder may name in vae/config.json, and the module each comes from.
VAE_CLASSES = {
    "AutoencoderKL": "diffusers",
    "PatchAutoencoder": "ldznet.backbone.pocket",
}

# What each part of the layout must hold, as patterns; any file of the list will do.
LAYOUT = {
    "vae": (("config.json",), ("*.safetensors",)),
    "unet": (("config.json",), ("*.safetensors",)),
    "text_encoder": (("config.json",), ("*.safetensors",)),
    "tokenizer": (("tokenizer.json", "vocab.json"),),
    "scheduler": (("scheduler_config.json",),),
}

HUB_FILES = ["*/*.json", "tokenizer/*.txt"] + [
    f"{part}/{stem}.safetensors"
    for part, stem in (
        ("vae", "diffusion_pytorch_model"),
        ("unet", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    )
]

# The configuration that makes a U-Net's sixteen blocks those of `ldznet.blocks`.
TOPOLOGY = {
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "layers_per_block": 2,
    "transformer_layers_per_block": 1,
    "in_channels": 4,
    "out_channels": 4,
}


def load_parts(source: str | Path, *, revision: str | None, dtype: torch.dtype) -> dict[str, Any]:
    """vae, unet, text_encoder, tokenizer and scheduler of a folder or hub id, by these names.

    Raises ValueError with one sentence on what is missing, damaged or of another topology.
    """
    folder = _find(source, revision)
    _check_layout(folder, source)
    _check_topology(_read_config(folder / "unet"), source)
    vae_class = _vae_class(_read_config(folder / "vae"), source)
    parts = {
        "vae": _load_model(vae_class, folder / "vae", dtype),
        "unet": _load_model(UNet2DConditionModel, folder / "unet", dtype),
        "text_encoder": _load_model(CLIPTextModel, folder / "text_encoder", dtype),
        "tokenizer": _load(CLIPTokenizer, folder / "tokenizer"),
        # The schedule is what counts; DDIM reads any scheduler's configuration.
        "scheduler": _load(DDIMScheduler, folder / "scheduler"),
    }
    width = parts["text_encoder"].config.hidden_size
    if parts["unet"].config.cross_attention_dim != width:
        raise ValueError(
            f"'{source}' joins parts of different models: its text encoder is {width} wide, "
            f"its U-Net reads {parts['unet'].config.cross_attention_dim}."
        )
    return parts


def _find(source: str | Path, revision: str | None) -> Path:
    """The folder itself, or a hub model's local snapshot."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    if isinstance(source, str) and source.count("/") == 1 and source[0] not in "./":  # a hub id
        try:
            return Path(snapshot_download(source, revision=revision, allow_patterns=HUB_FILES))
        except Exception as error:  # the hub client raises its own, requests' and the system's
            raise ValueError(
                f"'{source}' is neither a folder here nor a model that could be fetched from the "
                "Hugging Face hub; check the name and the connection."
            ) from error
    raise ValueError(f"There is no model folder '{source}'; check the path.")


def _check_layout(folder: Path, source: str | Path) -> None:
    missing = [
        f"{part}/{' or '.join(patterns)}"
        for part, needed in LAYOUT.items()
        for patterns in needed
        if not any(path for pattern in patterns for path in (folder / part).glob(pattern))
    ]
    if missing:
        raise ValueError(
            f"'{source}' is not a diffusers model folder with safetensors weights; "
            f"missing: {', '.join(missing)}."
        )


def _read_config(part: Path) -> dict[str, Any]:
    try:
        config = json.loads((part / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(part) from error
    if not isinstance(config, dict):
        raise _damaged(part)
    return config


def _check_topology(config: dict[str, Any], source: str | Path) -> None:
    defaults = {"mid_block_type": "UNetMidBlock2DCrossAttn", "transformer_layers_per_block": 1}
    for key, wanted in TOPOLOGY.items():
        found = config.get(key, defaults.get(key))
        if found != wanted:
            raise ValueError(
                f"'{source}' is not a model of Stable Diffusion 1.x topology: its U-Net has "
                f"{key} {found}, expected {wanted}."
            )


def _vae_class(config: dict[str, Any], source: str | Path) -> Any:
    name = config.get("_class_name", "AutoencoderKL")
    if name not in VAE_CLASSES:
        raise ValueError(
            f"'{source}' has a VAE of class '{name}'; expected {' or '.join(VAE_CLASSES)}."
        )
    return getattr(import_module(VAE_CLASSES[name]), name)


def _load_model(model_class: Any, part: Path, dtype: torch.dtype) -> Any:
    model, report = _load(
        model_class, part, dtype=dtype, use_safetensors=True, output_loading_info=True
    )
    # The libraries fill a gap with random numbers and only warn.
    if report["missing_keys"] or report["mismatched_keys"]:
        raise _damaged(part)
    return model


def _load(part_class: Any, part: Path, **options: Any) -> Any:
    try:
        return part_class.from_pretrained(part, local_files_only=True, **options)
    except Exception as error:  # each library has its own: safetensors, tokenizers, json, torch
        raise _damaged(part) from error


def _damaged(part: Path) -> ValueError:
    return ValueError(
        f"The model's part '{part.name}' cannot be read; its files are damaged or do not "
        "belong together: copy the model again."
    )
