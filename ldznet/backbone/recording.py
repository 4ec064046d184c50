"""`record()`: watch a U-Net's features and attention through hooks, without touching its output."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from ldznet.blocks import find_block
from ldznet.types import AttentionKind, Recording

ATTENTION_LAYERS: dict[AttentionKind, str] = {"self": "attn1", "cross": "attn2"}


@contextmanager
def record(
    unet: nn.Module,
    timesteps: Collection[int] | None = None,
    features: Collection[int] = (),
    attention: Collection[int] = (),
) -> Iterator[Recording]:
    """A `Recording` that fills while `unet` (Stable Diffusion 1.x topology) runs in the context.

    `features` and `attention` name blocks (1-16, see `ldznet.blocks`); `timesteps` keeps only those
    passes, None keeps all. A feature is the output of the block's spatial transformer, before any
    down- or upsampling, as in LD-ZNet's official code. An attention map is computed beside the real
    one, so every layer keeps its fused attention and the U-Net's output keeps its bits.

    Only passes of the thread that opened the context are seen. A timestep visited twice leaves its
    last pass. Tensors stay on the U-Net's device, detached. Every hook is gone afterwards, whatever
    happened inside. Raises ValueError for a block that is not 1-16, and, from the U-Net's call, for
    a batch of different timesteps.
    """
    recording = Recording()
    current = _Pass(threading.get_ident())

    def enter(module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        current.enter(_timestep(args, kwargs), timesteps)

    def watch_features(number: int) -> Callable:
        def hook(module: nn.Module, args: tuple, output: tuple[Tensor]) -> None:
            if current.timestep is not None:
                recording.features[current.timestep, number] = output[0].detach()

        return hook

    def watch_attention(number: int, kind: AttentionKind) -> Callable:
        def hook(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
            if current.timestep is not None:
                probability = attention_map(layer, *args, **kwargs)
                recording.attention[current.timestep, number, kind] = probability

        return hook

    with ExitStack() as hooks:
        hooks.enter_context(unet.register_forward_pre_hook(enter, with_kwargs=True))
        for number in features:
            block = find_block(unet, number)
            hooks.enter_context(block.register_forward_hook(watch_features(number)))
        for number in attention:
            transformer = find_block(unet, number).get_submodule("transformer_blocks.0")
            for kind, name in ATTENTION_LAYERS.items():
                layer = transformer.get_submodule(name)
                hook = watch_attention(number, kind)
                hooks.enter_context(layer.register_forward_pre_hook(hook, with_kwargs=True))
        yield recording


class _Pass(threading.local):
    """The timestep of the pass now running, in the thread that records; None when not recorded."""

    timestep: int | None = None

    def __init__(self, owner: int) -> None:
        self.owner = owner

    def enter(self, timestep: Tensor | float, wanted: Collection[int] | None) -> None:
        if threading.get_ident() != self.owner:
            return
        number = _single(timestep)
        self.timestep = number if wanted is None or number in wanted else None


def _timestep(args: tuple, kwargs: dict[str, Any]) -> Tensor | float:
    """The U-Net's second parameter, however the caller passed it."""
    return kwargs["timestep"] if "timestep" in kwargs else args[1]


def _single(timestep: Tensor | float) -> int:
    values = torch.as_tensor(timestep).unique()
    if len(values) != 1:
        raise ValueError("A recorded pass needs one timestep for its whole batch.")
    return int(values)


@torch.no_grad()
def attention_map(
    layer: Any,  # diffusers' `Attention`, whose attributes its stubs type as tensors
    hidden_states: Tensor,
    encoder_hidden_states: Tensor | None = None,
    attention_mask: Tensor | None = None,
    **_: Any,
) -> Tensor:
    """(B, queries, keys) float32 attention of a diffusers `Attention`, averaged over its heads.

    Takes the layer's own arguments; `attention_mask` is a bias (B, 1, keys). Every row sums to 1.
    One head at a time: all eight of a 64x64 self-attention together need eight times the memory.
    """
    context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
    query = layer.to_q(hidden_states).unflatten(-1, (layer.heads, -1))  # (B, queries, heads, c)
    key = layer.to_k(context).unflatten(-1, (layer.heads, -1))  # (B, keys, heads, c)

    def attend(head: int) -> Tensor:  # (B, queries, keys)
        score = query[:, :, head] @ key[:, :, head].transpose(1, 2) * layer.scale
        if attention_mask is not None:
            score = score + attention_mask
        return score.float().softmax(dim=-1)

    return reduce(torch.add, map(attend, range(layer.heads))) / layer.heads
