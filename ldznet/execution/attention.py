"""Attention layers without diffusers' questions on every call."""

from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional

# From so many scores of one head on (a 24 x 24 grid), products gain more than fusing them.
MANY_SCORES = 500**2


class DirectAttention(Attention):
    """diffusers' attention with the same bits, straight from the weights to the result.

    The stock layer reads its processor's signature and looks for masks, norms and image shapes on
    each call. On pocket's small grids that is a ninth of a network's time on one core. A mask, or a
    processor other than the default, takes the stock way, so training may set its own.
    """

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """(B, queries, C) of queries (B, queries, C) and what they attend to, by default they."""
        if attention_mask is not None or not isinstance(self.processor, AttnProcessor2_0):
            return super().forward(hidden_states, encoder_hidden_states, attention_mask, **options)
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            states.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, tokens, c)
            for states in (self.to_q(hidden_states), self.to_k(context), self.to_v(context))
        )
        return self.to_out[0](attend(query, key, value).transpose(1, 2).flatten(2))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(B, heads, queries, c) of queries, keys and values (B, heads, tokens, c).

    A CPU's fused kernel turns bfloat16 into float32 and back. There, one head after the other, the
    plain products are faster, and their scores, a few megabytes, never leave the cache.
    """
    scores = query.shape[-2] * key.shape[-2]
    slow = query.device.type == "cpu" and query.dtype == torch.bfloat16 and scores >= MANY_SCORES
    if not slow or torch.is_grad_enabled():
        return functional.scaled_dot_product_attention(query, key, value)
    rows, heads, queries, width = query.shape
    attended = query.new_empty(rows, queries, heads, width).transpose(1, 2)
    query = query * width**-0.5
    for row in range(rows):
        for head in range(heads):
            score = query[row, head] @ key[row, head].T  # (queries, keys)
            attended[row, head] = score.softmax(dim=-1) @ value[row, head]
    return attended


def install_direct_attention(model: nn.Module) -> None:
    """Turn every attention layer of a Stable Diffusion U-Net's kind into a `DirectAttention`.

    Only their class changes: weights, their names and the random numbers they began with stay.
    """
    for layer in model.modules():
        if type(layer) is Attention and layer.group_norm is None and not layer.residual_connection:
            layer.__class__ = DirectAttention
