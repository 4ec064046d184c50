"""Attention spelled out, for training on a CPU."""

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor


class ExplicitAttention:
    """A diffusers attention processor of three plain operations: product, softmax, product.

    On a CPU the backward pass of torch's fused attention takes a third of a training step of these
    small grids; spelled out, a step takes two thirds of the time. It keeps the attention matrix in
    memory, so it is for small grids and for training only.
    """

    def __call__(
        self,
        attention: Any,  # diffusers' `Attention`, whose attributes its stubs type as tensors
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """(B, queries, C) attended states; masks are not supported and none is ever passed."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def heads(states: Tensor) -> Tensor:  # (B, heads, tokens, c)
            return states.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

        query = heads(attention.to_q(hidden_states)) * attention.scale
        score = query @ heads(attention.to_k(context)).transpose(-1, -2)
        with torch.autocast(score.device.type, enabled=False):  # it would leave half precision
            probability = score.softmax(dim=-1)
        attended = probability @ heads(attention.to_v(context))
        return attention.to_out[0](attended.transpose(1, 2).flatten(2))


def use_fast_attention(unet: UNet2DConditionModel, device: torch.device) -> None:
    """Give `unet` the attention that trains fastest on `device`; its weights stay as they are."""
    if device.type == "cpu":
        unet.set_attn_processor(ExplicitAttention())
