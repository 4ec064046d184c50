"""The networks' attention layers without diffusers' questions on every call."""

from typing import Any

from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional


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
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self.to_out[0](attended.transpose(1, 2).flatten(2))


def install_direct_attention(unet: nn.Module) -> None:
    """Turn every attention layer of a Stable Diffusion 1.x U-Net into a `DirectAttention`.

    Only their class changes: weights, their names and the random numbers they began with stay.
    """
    for layer in unet.modules():
        if type(layer) is Attention:
            layer.__class__ = DirectAttention
