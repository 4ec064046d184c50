"""`record()`: watch a U-Net's features and attention through hooks, without touching its output."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from ldznet.blocks import find_block
from ldznet.types import AttentionKind, Recording

ATTENTION_LAYERS: dict[AttentionKind, str] = {"self": "attn1", "cross": "attn2", "fusion": "attn3"}


@contextmanager
def record(
    unet: nn.Module,
    timesteps: Collection[int] | None = None,
    features: Collection[int] = (),
    attention: Collection[int] = (),
    *,
    kinds: Collection[AttentionKind] = ("self", "cross"),
    states: Collection[int] = (),
) -> Iterator[Recording]:
    """A `Recording` that fills while `unet` (Stable Diffusion's topology) runs in the context.

    `features`, `attention` and `states` name blocks (1-16, see `ldznet.blocks`); `timesteps` keeps
    only those passes, None keeps all. A feature is the output of the block's spatial transformer,
    before any down- or upsampling, as in LD-ZNet's official code. An attention map is computed
    beside the real one, so every layer keeps its fused attention and the U-Net's output its bits.

    `kinds` says which maps of those blocks to keep; "fusion" is LD-ZNet's own third attention, so
    it needs the U-Net inside that network, and a block from 6 to 10. A self-attention map has the
    square of the feature's cells; where a few of its rows will do, keep `states` instead, the cells
    that the layer reads, and compute the rows with `attention_map`.

    Only passes of the thread that opened the context count. A timestep visited twice leaves its
    last pass. Tensors stay on the U-Net's device, detached. Every hook is gone afterwards, whatever
    happened inside. Raises ValueError for a block that is not 1-16 or lacks an attention asked for,
    and, from the U-Net's call, for a batch of different timesteps.
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

    def watch_states(number: int) -> Callable:
        def hook(layer: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
            if current.timestep is not None:
                read = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
                recording.states[current.timestep, number] = read.detach()

        return hook

    with ExitStack() as hooks:
        hooks.enter_context(unet.register_forward_pre_hook(enter, with_kwargs=True))
        for number in features:
            block = find_block(unet, number)
            hooks.enter_context(block.register_forward_hook(watch_features(number)))
        watched = [
            (attention_layer(unet, number, kind), watch_attention(number, kind))
            for number in attention
            for kind in kinds
        ]
        watched += [
            (attention_layer(unet, number, "self"), watch_states(number)) for number in states
        ]
        for layer, hook in watched:
            hooks.enter_context(layer.register_forward_pre_hook(hook, with_kwargs=True))
        yield recording


def attention_layer(unet: nn.Module, number: int, kind: AttentionKind) -> nn.Module:
    """The attention layer of this kind in the block of this number (1-16).

    Raises ValueError for another number, and for a block without such an attention.
    """
    transformer = find_block(unet, number).get_submodule("transformer_blocks.0")
    layer = getattr(transformer, ATTENTION_LAYERS[kind], None)
    if layer is None:
        raise ValueError(
            f"Block {number} has no {kind} attention; only blocks 6 to 10 of an LD-ZNet have one."
        )
    return layer


@contextmanager
def stop_after(module: nn.Module) -> Iterator[None]:
    """In this context and thread, a pass that reaches `module` ends right behind it."""
    owner = threading.get_ident()

    def hook(module: nn.Module, args: tuple, output: object) -> None:
        if threading.get_ident() == owner:
            raise _Stop

    with module.register_forward_hook(hook), suppress(_Stop):
        yield


class _Stop(Exception):  # noqa: N818 - not an error
    """Ends a U-Net's pass early."""


class _Pass(threading.local):
    """The timestep of the pass now running, in the thread that records; None when not recorded."""

    timestep: int | None = None

    def __init__(self, owner: int) -> None:
        self.owner = owner

    def enter(self, timestep: Tensor | float, timesteps: Collection[int] | None) -> None:
        if threading.get_ident() != self.owner:
            return
        number = _single(timestep)
        self.timestep = number if timesteps is None or number in timesteps else None


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
    Scores are computed in float32: those of Stable Diffusion 2.1 overflow half precision.
    """
    context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
    query = layer.to_q(hidden_states).float()
    key = layer.to_k(context).float()
    query = query.unflatten(-1, (layer.heads, -1))  # (B, queries, heads, c)
    key = key.unflatten(-1, (layer.heads, -1))  # (B, keys, heads, c)

    def attend(head: int) -> Tensor:  # (B, queries, keys)
        score = query[:, :, head] @ key[:, :, head].transpose(1, 2) * layer.scale
        if attention_mask is not None:
            score = score + attention_mask
        return score.softmax(dim=-1)

    return reduce(torch.add, map(attend, range(layer.heads))) / layer.heads
