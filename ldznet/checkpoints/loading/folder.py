"""A backbone's parts from a folder of diffusers' layout."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTokenizer

from ldznet.checkpoints.loading.topology import check_unet, refusal
from ldznet.checkpoints.precision import TEXT_PRECISION, choose_dtype

# VAE classes a folder may name in vae/config.json, and the module each comes from.
VAE_CLASSES = {
    "AutoencoderKL": "diffusers",
    "PatchAutoencoder": "ldznet.backbone.pocket",
}
TEXT_ENCODER = "clip_text_model"  # transformers' model type of CLIPTextModel
PREDICTIONS = ("epsilon", "v_prediction", "sample")

# What each part of the layout must hold; any file of a line will do.
WEIGHTS = {
    "vae": "diffusion_pytorch_model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
SETTINGS = {
    "vae": ("config.json",),
    "unet": ("config.json",),
    "text_encoder": ("config.json",),
    "tokenizer": ("tokenizer.json", "vocab.json"),
    "scheduler": ("scheduler_config.json",),
}


def check_configuration(folder: Path, name: str) -> None:
    """Raises ValueError unless the folder's configuration is of Stable Diffusion's topology.

    The weights need not be there yet.
    """
    index = _read_json(folder / "model_index.json") if _has(folder, "model_index.json") else {}
    whole = _read_json(folder / "config.json") if _has(folder, "config.json") else {}
    kind = index.get("_class_name") or whole.get("_class_name")
    if "transformer" in index:
        raise refusal(name, f"it is a {kind}, with a transformer in place of the U-Net")
    if kind and "unet" not in index and not _has(folder, "unet"):
        raise refusal(name, f"it is a {kind}, without a U-Net of its own")
    missing = [
        f"{part}/{' or '.join(files)}"
        for part, files in SETTINGS.items()
        if not any(_has(folder, f"{part}/{file}") for file in files)
    ]
    if missing:
        raise _incomplete(name, missing)
    check_unet(_read_config(folder, "unet"), name)
    _vae_class(_read_config(folder, "vae"), name)
    encoder = _read_config(folder, "text_encoder").get("model_type", TEXT_ENCODER)
    if encoder != TEXT_ENCODER:
        raise refusal(name, f"its text encoder is a {encoder}, expected {TEXT_ENCODER}")


def load_folder(folder: Path, name: str, device: torch.device, precision: str) -> dict[str, Any]:
    """The parts by their names, on the CPU, in the precision chosen for the device.

    Raises ValueError with one sentence on what is missing, damaged or of another topology.
    """
    check_configuration(folder, name)
    missing = [f"{part}/{file}" for part, file in WEIGHTS.items() if not _has(folder, part, file)]
    if missing:
        raise _incomplete(name, missing)
    parameters = sum(_count_parameters(folder / part, file) for part, file in WEIGHTS.items())
    dtype = choose_dtype(device, precision, parameters=parameters)
    vae_class = _vae_class(_read_config(folder, "vae"), name)
    return {
        "vae": _load_model(vae_class, folder / "vae", dtype),
        "unet": _load_model(UNet2DConditionModel, folder / "unet", dtype),
        "text_encoder": _load_model(CLIPTextModel, folder / "text_encoder", TEXT_PRECISION),
        "tokenizer": load_tokenizer(folder / "tokenizer"),
        "scheduler": load_scheduler(folder / "scheduler"),
    }


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer in a folder; raises ValueError if it cannot be read."""
    return _load(CLIPTokenizer, folder)


def load_scheduler(folder: Path) -> DDIMScheduler:
    """The folder's noise schedule and kind of prediction, whatever sampler it names, as DDIM.

    Raises ValueError if it cannot be read, or for a prediction that DDIM does not know.
    """
    scheduler = _load(DDIMScheduler, folder)
    if scheduler.config.prediction_type not in PREDICTIONS:
        raise ValueError(
            f"The model predicts '{scheduler.config.prediction_type}', and only "
            f"{', '.join(PREDICTIONS)} can be sampled; choose another model."
        )
    return scheduler


def _has(folder: Path, *inside: str) -> bool:
    return folder.joinpath(*inside).exists()


def _incomplete(name: str, missing: list[str]) -> ValueError:
    return ValueError(
        f"'{name}' is not a whole diffusers model with safetensors weights; missing: "
        f"{', '.join(missing)}; copy the model again, or choose another."
    )


def _read_config(folder: Path, part: str) -> dict[str, Any]:
    return _read_json(folder / part / "config.json")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path.parent) from error
    if not isinstance(content, dict):
        raise _damaged(path.parent)
    return content


def _vae_class(config: dict[str, Any], name: str) -> Any:
    kind = config.get("_class_name", "AutoencoderKL")
    if kind not in VAE_CLASSES:
        raise refusal(name, f"its VAE is of class '{kind}', expected {' or '.join(VAE_CLASSES)}")
    return getattr(import_module(VAE_CLASSES[kind]), kind)


def _count_parameters(part: Path, file: str) -> int:
    """From the file's header alone."""
    try:
        with safe_open(part / file, framework="pt") as weights:
            shapes = [weights.get_slice(key).get_shape() for key in weights.offset_keys()]
    except Exception as error:  # safetensors' own, and the system's
        raise _damaged(part) from error
    return sum(torch.Size(shape).numel() for shape in shapes)


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
