"""The text encoder of an official checkpoint as transformers' CLIP: OpenAI's, or OpenCLIP's."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

from ldznet.checkpoints.official.whole import count_numbers, shape_of

HEAD_WIDTH = 64  # of every published CLIP text encoder; the tensors do not tell
CLIP_PADDING, OPEN_CLIP_PADDING = 1, 0  # token ids in the published configurations

OPEN_CLIP_OUTSIDE = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
OPEN_CLIP_LAYERS = "transformer.resblocks."
# What only OpenCLIP's training used: the text's projection into the space of images.
OPEN_CLIP_UNUSED = ("text_projection", "logit_scale")


def build_text_encoder(tensors: Mapping[str, Tensor]) -> tuple[CLIPTextModel, dict[str, Tensor]]:
    """CLIP's text encoder on the meta device, and its tensors under transformers' flat names.

    Keys come without the checkpoint's prefix. Raises ValueError if a tensor that tells the size is
    missing.
    """
    ours = {key.removeprefix("text_model."): tensor for key, tensor in tensors.items()}
    ours.pop("embeddings.position_ids", None)  # numbers that the encoder counts by itself
    return _build(ours, pad_token_id=CLIP_PADDING), ours


def build_open_clip(tensors: Mapping[str, Tensor]) -> tuple[CLIPTextModel, dict[str, Tensor]]:
    """OpenCLIP's text encoder, as Stable Diffusion 2.x reads it: without its last layer.

    Returns and raises as `build_text_encoder`; a tensor of no known name keeps its own.
    """
    layers = count_numbers(tensors, OPEN_CLIP_LAYERS)
    last = f"{OPEN_CLIP_LAYERS}{layers - 1}."
    ours: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        if key in OPEN_CLIP_OUTSIDE:
            ours[OPEN_CLIP_OUTSIDE[key]] = tensor
        elif key.startswith(OPEN_CLIP_LAYERS) and not key.startswith(last):
            ours |= _open_clip_layer(key.removeprefix(OPEN_CLIP_LAYERS), tensor)
        elif not key.startswith((last, *OPEN_CLIP_UNUSED)):
            ours[key] = tensor
    return _build(ours, pad_token_id=OPEN_CLIP_PADDING, hidden_act="gelu"), ours


def _open_clip_layer(key: str, tensor: Tensor) -> dict[str, Tensor]:
    """One tensor of a layer; query, key and value lie in one of OpenCLIP's and in three of ours."""
    number, name = key.split(".", 1)
    layer = f"encoder.layers.{number}"
    if name.startswith("attn.in_proj_"):
        kind = name.removeprefix("attn.in_proj_")
        return {
            f"{layer}.self_attn.{each}_proj.{kind}": third
            for each, third in zip("qkv", tensor.chunk(3), strict=True)
        }
    module, kind = name.rsplit(".", 1)
    return {f"{layer}.{OPEN_CLIP_LAYER.get(module, module)}.{kind}": tensor}


def _build(tensors: Mapping[str, Tensor], **options: Any) -> CLIPTextModel:
    vocabulary, width = shape_of(tensors, "embeddings.token_embedding.weight")
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=shape_of(tensors, "encoder.layers.0.mlp.fc1.weight")[0],
        projection_dim=width,
        num_hidden_layers=count_numbers(tensors, "encoder.layers."),
        num_attention_heads=max(1, width // HEAD_WIDTH),
        max_position_embeddings=shape_of(tensors, "embeddings.position_embedding.weight")[0],
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        architectures=["CLIPTextModel"],
        **options,
    )
    with torch.device("meta"):
        return CLIPTextModel(config)
