"""What the official layout calls its tensors, and what these tell of a model's size.

diffusers ships converters of this layout (`diffusers.loaders.single_file_utils`). Those of the
U-Net and of the first stage name the tensors here. They are given keys where they expect tensors,
so they only give names: no tensor is copied, and what they drop without a word is noticed.

Ours stand where theirs do not hold (tests/checkpoints/test_official.py shows it):

- CLIP: theirs takes the prefix off and leaves `text_model.`, which transformers 5 has no more, and
  position numbers, which the encoder counts by itself.
- OpenCLIP: theirs leaves out the 24th layer instead of the last, drops what it does not know, and
  copies every query, key and value into memory; and its names have `text_model.`.
- LD-ZNet: no converter knows its fusion, its mask head, or the averages of its training.
- Sizes: theirs are read from the original YAML and from configurations on the hub, and a checkpoint
  of a kind they do not know passes for Stable Diffusion 1.x; ours are read from the tensors.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel

# How the keys of a Stable Diffusion checkpoint's models begin, and its noise schedule.
UNET = "model.diffusion_model."
FIRST_STAGE = "first_stage_model."
CLIP = "cond_stage_model.transformer."  # Stable Diffusion 1.x
OPEN_CLIP = "cond_stage_model.model."  # Stable Diffusion 2.x
AVERAGES = "model_ema."  # of the U-Net, their names without dots
BETAS = "betas"

# What the tensors do not tell, from the published configurations.
PIXELS = 512  # native side
HEADS = 8  # of the U-Net, per level, in Stable Diffusion 1.x
HEAD_WIDTH = 64  # of the U-Net in 2.x, and of every CLIP text encoder
GROUPS = 32  # of every GroupNorm
SCALING_FACTOR = 0.18215  # of the latents
CLIP_PADDING, OPEN_CLIP_PADDING = 1, 0  # token ids

LEVELS = 4
LAYERS = 2  # residual blocks per level on the way down; one more on the way up

# LD-ZNet's pool sits beside the transformer block; ours keeps the whole fusion inside it.
FUSION = {
    ".attentionpool2D.positional_embedding": ".transformer_blocks.0.pool.positions",
    ".attentionpool2D.qkv_proj.": ".transformer_blocks.0.pool.qkv.",
    ".attentionpool2D.c_proj.": ".transformer_blocks.0.pool.out.",
    ".norm_sd.": ".norm_ldm.",
}
# The words of an official U-Net's keys, a longer one before its beginning. After the number of an
# input or output block comes that of a layer in it, which has one digit.
WORDS = re.compile(
    r"(?<=put_blocks)\d+(?=\d)|\d+"
    r"|input_blocks|middle_block|output_blocks|time_embed|transformer_blocks|final|stem"
    r"|in_layers|emb_layers|out_layers|skip_connection|attn[123]|norm[123]|norm_sd|norm"
    r"|attentionpool2D|positional_embedding|qkv_proj|c_proj|proj_in|proj_out|proj"
    r"|to_q|to_k|to_v|to_out|ff|net|op|conv|out|weight|bias"
)

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
# What only training or another task used, by the group it lies in: the autoencoder's loss and
# averages; CLIP's projections into the space it shares with images, and its half that reads these.
_CLIP_SURPLUS = re.compile(
    r"(text_model\.)?(text_projection|visual_projection|logit_scale|logit_bias|attn_mask"
    r"|vision_model|visual)(\..+)?"
)
_FIRST_STAGE_SURPLUS = re.compile(r"(loss|model_ema)\..+")
SURPLUS = {
    FIRST_STAGE: _FIRST_STAGE_SURPLUS,
    CLIP: _CLIP_SURPLUS,
    OPEN_CLIP: _CLIP_SURPLUS,
}
# Layers of OpenCLIP's text encoder as published, of which Stable Diffusion 2.x reads all but the
# last; a file written back from a folder of diffusers' layout holds only those that it reads.
OPEN_CLIP_PUBLISHED = 24


class _Key(str):
    """A key in the place of its tensor, which the converters move and ask for its shape."""

    shape: tuple[int, ...] = ()


def _names(
    converter: Callable[..., dict[str, Any]],
    prefix: str,
    keys: Iterable[str],
    config: Mapping[str, Any],
) -> dict[str, str]:
    """The official key by diffusers' name, of every key that a converter of diffusers knows.

    Raises ValueError for an upsampling layer of which only the weight is there.
    """
    given = {prefix + key: _Key(key) for key in keys if not key.startswith(prefix)}
    try:
        names = converter(given, config)
    except KeyError as error:
        raise ValueError(f"The tensor '{error.args[0]}' is missing.") from error
    return {name: str(key) for name, key in names.items() if key is not None}


def rename_unet(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a `UNet2DConditionModel` from an official U-Net without a mask head.

    Keys come without the checkpoint's prefix (`model.diffusion_model.`). Raises ValueError naming
    the keys that have no place in it; loading the result strictly names what is missing.
    """
    names = _names(convert_ldm_unet_checkpoint, UNET, tensors, {"layers_per_block": LAYERS})
    known = set(names.values())
    unknown = [key for key in tensors if key not in known]
    if unknown:
        raise ValueError(
            f"These {len(unknown)} tensors belong to no U-Net of Stable Diffusion 1.x or LD-ZNet: "
            f"{', '.join(unknown)}; give the U-Net's tensors alone, without their prefix."
        )
    return {_fused(name): _reshape(key, tensors[key]) for name, key in names.items()}


def rename_network(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of our ZNet or LDZNet from an official segmentation U-Net.

    Keys as for `rename_unet`, with the same error.
    """
    head = {key: tensor for key, tensor in tensors.items() if key.startswith("final.")}
    unet = {key: tensor for key, tensor in tensors.items() if key not in head}
    ours = {f"unet.{key}": tensor for key, tensor in rename_unet(unet).items()}
    return ours | {key.replace("final.", "head.", 1): tensor for key, tensor in head.items()}


def with_dots(name: str) -> str | None:
    """The official key of a U-Net's tensor whose dots were taken out; None if it is none.

    The training keeps its averages under such names.
    """
    words = WORDS.findall(name)
    return ".".join(words) if "".join(words) == name else None


def _fused(name: str) -> str:
    for official, ours in FUSION.items():
        name = name.replace(official, ours)
    return name


def _reshape(key: str, tensor: Tensor) -> Tensor:
    """Ours holds positions row by row, and linear layers where the official pool has 1x1 Conv1d."""
    if key.endswith("attentionpool2D.positional_embedding"):
        return tensor.T.contiguous()  # (C, 1+grid*grid) -> (1+grid*grid, C)
    if "attentionpool2D." in key and key.endswith(".weight"):
        return tensor.squeeze(-1)  # (out, in, 1) -> (out, in)
    return tensor


def unet_size(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Widths, text width, heads and groups of an official U-Net, in diffusers' words.

    Raises ValueError if a tensor that tells a size is missing, or for widths of another topology.
    """
    convolutions = [
        f"input_blocks.{1 + (LAYERS + 1) * level}.0.out_layers.3.weight" for level in range(LEVELS)
    ]
    widths = tuple(shape_of(tensors, key)[0] for key in convolutions)
    if any(width % GROUPS for width in widths):
        raise ValueError(
            f"The U-Net's widths are {', '.join(map(str, widths))}; those of Stable Diffusion 1.x "
            f"topology are multiples of {GROUPS}."
        )
    text = shape_of(tensors, "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight")[1]
    return {
        "block_out_channels": widths,
        "cross_attention_dim": text,
        "attention_head_dim": HEADS,
        "norm_num_groups": GROUPS,
    }


def is_second_generation(tensors: Mapping[str, Tensor]) -> bool:
    """Whether an official U-Net is that of Stable Diffusion 2.x: its projections are linear."""
    return len(shape_of(tensors, "input_blocks.1.1.proj_in.weight")) == 2


def surplus(prefix: str, tensors: Mapping[str, Tensor]) -> set[str]:
    """The keys of a group that its model has no place for and rightly so; builders pass them over.

    `prefix` says which group: `FIRST_STAGE`, `CLIP` or `OPEN_CLIP`; keys come without it.
    """
    keys = {key for key in tensors if prefix in SURPLUS and SURPLUS[prefix].fullmatch(key)}
    if prefix == OPEN_CLIP and (last := _last_layer(tensors)):
        keys |= {key for key in tensors if key.startswith(last)}
    return keys


def _last_layer(tensors: Mapping[str, Tensor]) -> str | None:
    """How the keys of OpenCLIP's last layer begin, which Stable Diffusion 2.x does not read.

    Without it there are as many layers as are read. Where their number does not tell, the text's
    projection does: it reads the last layer, so the encoder is whole if it is there.
    """
    layers = _count_numbers(tensors, OPEN_CLIP_LAYERS)
    known = {OPEN_CLIP_PUBLISHED: True, OPEN_CLIP_PUBLISHED - 1: False}
    whole = known.get(layers, any(key.startswith("text_projection") for key in tensors))
    return f"{OPEN_CLIP_LAYERS}{layers - 1}." if whole else None


def from_averages(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A U-Net's tensors by their official keys from the averages of its training.

    Keys come without `model_ema.`; those of no U-Net are left out.
    """
    named = {with_dots(key.removeprefix("diffusion_model")): key for key in tensors}
    return {name: tensors[key] for name, key in named.items() if name}


# Each builder gives a model on the meta device and its tensors by that model's names, a tensor of
# no known name under its own. Keys come without the checkpoint's prefix. Each raises ValueError if
# a tensor that tells the size is missing.


def build_unet(tensors: Mapping[str, Tensor]) -> tuple[UNet2DConditionModel, dict[str, Tensor]]:
    """The U-Net of Stable Diffusion 1.x or 2.x; raises ValueError also for unknown keys."""
    size = unet_size(tensors)
    if is_second_generation(tensors):
        heads = tuple(max(1, width // HEAD_WIDTH) for width in size["block_out_channels"])
        # Upcast: unfused attention of 2.1 overflows half precision (its published configuration).
        size |= {
            "attention_head_dim": heads,
            "use_linear_projection": True,
            "upcast_attention": True,
        }
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=PIXELS // 8, **size)
    return unet, rename_unet(tensors)


def build_first_stage(tensors: Mapping[str, Tensor]) -> tuple[AutoencoderKL, dict[str, Tensor]]:
    """The autoencoder between pixels and latents."""
    tensors = _without_surplus(FIRST_STAGE, tensors)
    levels = _count_numbers(tensors, "encoder.down.")
    widths = [shape_of(tensors, f"encoder.down.{n}.block.0.conv1.weight")[0] for n in range(levels)]
    with torch.device("meta"):
        autoencoder = AutoencoderKL(
            block_out_channels=tuple(widths),
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=_count_numbers(tensors, "encoder.down.0.block."),
            latent_channels=shape_of(tensors, "quant_conv.weight")[0] // 2,
            sample_size=PIXELS,
            scaling_factor=SCALING_FACTOR,
        )
    names = _names(convert_ldm_vae_checkpoint, FIRST_STAGE, tensors, autoencoder.config)
    unknown = tensors.keys() - names.values()
    ours = {name: _as_linear(key, tensors[key]) for name, key in names.items()}
    return autoencoder, ours | {key: tensors[key] for key in unknown}


def _as_linear(key: str, tensor: Tensor) -> Tensor:
    """The official attention has 1x1 convolutions where diffusers has linear layers."""
    if ".attn_1." in key and tensor.ndim == 4:
        return tensor.flatten(1)  # (out, in, 1, 1) -> (out, in)
    return tensor


def build_clip(
    tensors: Mapping[str, Tensor], *, second: bool = False
) -> tuple[CLIPTextModel, dict[str, Tensor]]:
    """CLIP's text encoder under transformers' names; `second`: of Stable Diffusion 2.x."""
    kept = _without_surplus(CLIP, tensors)
    ours = {key.removeprefix("text_model."): tensor for key, tensor in kept.items()}
    ours.pop("embeddings.position_ids", None)  # numbers that the encoder counts by itself
    return _build_text_encoder(ours, **_text_options(second)), ours


def build_open_clip(tensors: Mapping[str, Tensor]) -> tuple[CLIPTextModel, dict[str, Tensor]]:
    """OpenCLIP's text encoder, as Stable Diffusion 2.x reads it: without its last layer."""
    ours: dict[str, Tensor] = {}
    for key, tensor in _without_surplus(OPEN_CLIP, tensors).items():
        if key in OPEN_CLIP_OUTSIDE:
            ours[OPEN_CLIP_OUTSIDE[key]] = tensor
        elif key.startswith(OPEN_CLIP_LAYERS):
            ours |= _open_clip_layer(key.removeprefix(OPEN_CLIP_LAYERS), tensor)
        else:
            ours[key] = tensor
    return _build_text_encoder(ours, **_text_options(second=True)), ours


def _without_surplus(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    passed = surplus(prefix, tensors)
    return {key: tensor for key, tensor in tensors.items() if key not in passed}


def _text_options(second: bool) -> dict[str, Any]:
    """What tells OpenCLIP's text encoder from CLIP's beside its size."""
    if second:
        return {"pad_token_id": OPEN_CLIP_PADDING, "hidden_act": "gelu"}
    return {"pad_token_id": CLIP_PADDING}


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


def _build_text_encoder(tensors: Mapping[str, Tensor], **options: Any) -> CLIPTextModel:
    vocabulary, width = shape_of(tensors, "embeddings.token_embedding.weight")
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=shape_of(tensors, "encoder.layers.0.mlp.fc1.weight")[0],
        projection_dim=width,
        num_hidden_layers=_count_numbers(tensors, "encoder.layers."),
        num_attention_heads=max(1, width // HEAD_WIDTH),
        max_position_embeddings=shape_of(tensors, "embeddings.position_embedding.weight")[0],
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        architectures=["CLIPTextModel"],
        **options,
    )
    with torch.device("meta"):
        return CLIPTextModel(config)


def shape_of(tensors: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    """The shape that a size is read from; raises ValueError naming the key if it is not there."""
    if key not in tensors:
        raise ValueError(f"The tensor '{key}' is missing, so the model's size cannot be told.")
    return tuple(tensors[key].shape)


def _count_numbers(keys: Iterable[str], prefix: str) -> int:
    """How many numbers follow a prefix among the keys."""
    rests = (key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    return len({rest.split(".")[0] for rest in rests})
