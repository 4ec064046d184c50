"""A backbone's parts from a folder of diffusers' layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from ldznet.checkpoints.file import Part, find_faults, read_safetensors
from ldznet.checkpoints.precision import TEXT_PRECISION, choose_dtype
from ldznet.checkpoints.weights import STEMS, find_weight_files

TEXT_ENCODER = "clip_text_model"  # transformers' model type of CLIPTextModel
PREDICTIONS = ("epsilon", "v_prediction", "sample")

# The configuration that makes a U-Net's sixteen blocks those of `ldznet.blocks`, and its output
# depend on nothing but latents, timestep and text.
UNET_CONFIGURATION: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    "layers_per_block": 2,
    "transformer_layers_per_block": 1,
    "dual_cross_attention": False,
    "only_cross_attention": False,
    "addition_embed_type": None,
    "class_embed_type": None,
    "num_class_embeds": None,
    "encoder_hid_dim": None,
    "time_cond_proj_dim": None,
}
# What diffusers assumes where a configuration of an older version is silent.
DEFAULTS = {
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "transformer_layers_per_block": 1,
    "dual_cross_attention": False,
    "only_cross_attention": False,
}

# What each part of the layout must hold beside weights; any file of a line will do.
SETTINGS = {
    "vae": ("config.json",),
    "unet": ("config.json",),
    "text_encoder": ("config.json",),
    "tokenizer": ("tokenizer.json", "vocab.json"),
    "scheduler": ("scheduler_config.json",),
}
# Names that older versions of the libraries wrote, and today's: the autoencoder's attention, and
# the text encoder inside a wrapper.
OLDER = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}
WRAPPER = "text_model."


def check_configuration(folder: Path, name: str, autoencoders: Mapping[str, Any]) -> None:
    """Raises ValueError unless the folder's configuration is of Stable Diffusion's topology.

    `autoencoders` are the classes that vae/config.json may name. The weights need not be there yet.
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
    unet = _read_json(folder / "unet" / "config.json")
    for key, expected in UNET_CONFIGURATION.items():
        value = unet.get(key, DEFAULTS.get(key))
        if value != expected:
            raise refusal(name, f"its U-Net has {key} {value}, expected {expected}")
    kind = _vae_kind(folder)
    if kind not in autoencoders:
        raise refusal(name, f"its VAE is of class '{kind}', expected {' or '.join(autoencoders)}")
    encoder = _read_json(folder / "text_encoder" / "config.json").get("model_type", TEXT_ENCODER)
    if encoder != TEXT_ENCODER:
        raise refusal(name, f"its text encoder is a {encoder}, expected {TEXT_ENCODER}")


def load_folder(
    folder: Path,
    name: str,
    device: torch.device,
    precision: str,
    autoencoders: Mapping[str, Any],
) -> dict[str, Any]:
    """The parts by their names, on the CPU, in the precision chosen for the device.

    Raises ValueError with one sentence on what is missing, damaged or of another topology.
    """
    check_configuration(folder, name, autoencoders)
    chosen = {part: find_weight_files(folder / part, _names(folder / part)) for part in STEMS}
    files = [f"{part}/{file}" for part, each in chosen.items() for file in each.names]
    missing = [file for file in files if not _has(folder, file)]
    if missing:
        raise _incomplete(name, missing)
    parameters = sum(_count_parameters(folder / file) for file in files)
    dtype = choose_dtype(device, precision, parameters=parameters)
    return {
        "vae": _load_model(autoencoders[_vae_kind(folder)], folder / "vae", dtype),
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


def refusal(name: str, why: str) -> ValueError:
    """The error that a model is of another kind."""
    return ValueError(
        f"'{name}' is not a model of Stable Diffusion 1.x or 2.x topology: {why}; "
        "choose another, such as CompVis/stable-diffusion-v1-4."
    )


def variant_remarks(folder: Path) -> list[str]:
    """A sentence for each part of which a folder has the weights of a variant alone."""
    chosen = {part: find_weight_files(folder / part, _names(folder / part)) for part in STEMS}
    return [
        f"Of the part '{part}' there is only the variant '{each.variant}', which was taken."
        for part, each in chosen.items()
        if each.variant
    ]


def _names(part: Path) -> set[str]:
    return {path.name for path in part.iterdir()} if part.is_dir() else set()


def _has(folder: Path, *inside: str) -> bool:
    return folder.joinpath(*inside).exists()


def _incomplete(name: str, missing: list[str]) -> ValueError:
    return ValueError(
        f"'{name}' is not a whole diffusers model with safetensors weights; missing: "
        f"{', '.join(missing)}; copy the model again, or choose another."
    )


def _vae_kind(folder: Path) -> str:
    return _read_json(folder / "vae" / "config.json").get("_class_name", "AutoencoderKL")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path.parent) from error
    if not isinstance(content, dict):
        raise _damaged(path.parent)
    return content


def _count_parameters(file: Path) -> int:
    """From the file's header alone."""
    try:
        with safe_open(file, framework="pt") as weights:
            shapes = [weights.get_slice(key).get_shape() for key in weights.offset_keys()]
    except Exception as error:  # safetensors' own, and the system's
        raise _damaged(file.parent) from error
    return sum(torch.Size(shape).numel() for shape in shapes)


def _load_model(model_class: Any, part: Path, dtype: torch.dtype) -> Any:
    """The model of a part; tensors that it has no place for are left.

    The libraries' own `from_pretrained` would fill gaps with random numbers, write pages about it,
    and show a bar.
    """
    try:
        model = _build(model_class, part)
        own = model.state_dict().keys()
        files = find_weight_files(part, _names(part)).names
        named = {key: each for file in files for key, each in read_safetensors(part / file).items()}
        tensors = {key: each for old, each in named.items() if (key := _today(old)) in own}
    except Exception as error:  # each library has its own, for whatever a configuration holds
        raise _damaged(part) from error
    if find_faults(model, tensors):
        raise _damaged(part)
    return Part(part.name, model, tensors).fill(dtype)


def _build(model_class: Any, part: Path) -> Any:
    """The model of a part's configuration, on the meta device."""
    with torch.device("meta"):
        if model_class is CLIPTextModel:
            return CLIPTextModel(CLIPTextConfig.from_pretrained(part, local_files_only=True))
        return model_class.from_config(_read_json(part / "config.json"))


def _today(key: str) -> str:
    for old, new in OLDER.items():
        key = key.replace(old, new)
    return key.removeprefix(WRAPPER)


def _load(part_class: Any, part: Path) -> Any:
    try:
        return part_class.from_pretrained(part, local_files_only=True)
    except Exception as error:  # each library has its own: tokenizers, json, torch
        raise _damaged(part) from error


def _damaged(part: Path) -> ValueError:
    return ValueError(
        f"The model's part '{part.name}' cannot be read; its files are damaged or do not "
        "belong together: copy the model again."
    )
