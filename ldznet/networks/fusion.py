"""The third attention of LD-ZNet: cross-attention from the network to the LDM's features."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn import functional

from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block

POOL_HEADS = 8  # in the official code and the paper, whatever the width

FUSION_PARTS = {"pool", "norm_ldm", "attn3"}  # of a block, by name: what ZNet's has not

FEATURES = "ldm_features"  # the name under which features travel through `cross_attention_kwargs`


class AttentionPool2d(nn.Module):
    """Turns one LDM feature (B, C, h, w) into tokens (B, 1 + h * w, C) by self-attention.

    The mean of all cells comes first, as in CLIP's attention pooling, but every token is kept. The
    positions are a table for a `grid` x `grid` feature; for other sizes it is resized.
    """

    def __init__(self, channels: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        table = torch.randn(1 + grid * grid, channels) / channels**0.5
        self.positions = nn.Parameter(table)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Tokens (B, 1 + h * w, C) of a feature (B, C, h, w)."""
        height, width = feature.shape[-2:]
        tokens = feature.flatten(2).transpose(1, 2)  # (B, hw, C)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)  # (B, 1+hw, C)
        tokens = tokens + self.positions_for(height, width).to(tokens.dtype)
        query, key, value = (
            part.unflatten(-1, (POOL_HEADS, -1)).transpose(1, 2)  # (B, heads, 1+hw, C/heads)
            for part in self.qkv(tokens).chunk(3, dim=-1)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        return self.out(attended.transpose(1, 2).flatten(2))  # (B, 1+hw, C)

    def positions_for(self, height: int, width: int) -> Tensor:
        """The position table (1 + height * width, C) for a feature of this size.

        As in the official code, only the number of cells is compared: an 8 x 18 feature has as many
        as the 12 x 12 table and reads it row by row. Released weights were used that way.
        """
        if height * width == self.grid**2:
            return self.positions
        mean, cells = self.positions[:1], self.positions[1:]
        square = cells.T.unflatten(1, (self.grid, self.grid))[None]  # (1, C, grid, grid)
        resized = functional.interpolate(
            square, size=(height, width), mode="bicubic", align_corners=False
        )
        return torch.cat([mean, resized[0].flatten(1).T])


class FusionBlock(BasicTransformerBlock):
    """A transformer block that, given a `grid`, also attends to the LDM's feature of its number.

    Self-attention, text attention, feature attention, feed-forward; each with its own LayerNorm and
    residual (paper section 3.2). Without a grid it is the stock block; it only keeps the features
    from being handed on to attention layers that would complain about them.

    The output projection of the feature attention starts at zero, so a new LD-ZNet computes what
    ZNet computes and learns from there.
    """

    def __init__(self, stock: BasicTransformerBlock, number: int, grid: int | None) -> None:
        heads, width = stock.num_attention_heads, stock.attention_head_dim
        super().__init__(stock.dim, heads, width, cross_attention_dim=stock.cross_attention_dim)
        self.number = number
        self.attn3: Attention | None = None
        if grid is not None:
            self.pool = AttentionPool2d(stock.dim, grid)
            self.norm_ldm = nn.LayerNorm(stock.dim)
            self.attn3 = Attention(
                stock.dim, cross_attention_dim=stock.dim, heads=heads, dim_head=width
            )
            nn.init.zeros_(self.attn3.to_out[0].weight)
            nn.init.zeros_(self.attn3.to_out[0].bias)

    # The parent's arguments, in its order: gradient checkpointing passes them by position.
    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: Mapping[str, Any] | None = None,
        class_labels: Tensor | None = None,
        added_cond_kwargs: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Cells (B, h * w, C) after the attentions and the feed-forward layer."""
        x = hidden_states  # (B, hw, C)
        x = x + self.attn1(self.norm1(x))
        x = x + self.attn2(self.norm2(x), encoder_hidden_states=encoder_hidden_states)
        if self.attn3 is not None:
            assert cross_attention_kwargs is not None
            tokens = self.pool(cross_attention_kwargs[FEATURES][self.number])  # (B, 1+h'w', C)
            x = x + self.attn3(self.norm_ldm(x), encoder_hidden_states=tokens)
        return x + self.ff(self.norm3(x))


def install_fusion(unet: UNet2DConditionModel, sample_size: int) -> None:
    """Replace the transformer block in all sixteen places of a newly built U-Net.

    `sample_size` is the native side in latent cells; it fixes the position grids of the pools. Call
    it before weights are loaded: the new blocks have weights of their own.
    """
    for block in BLOCKS.values():
        transformer = find_block(unet, block.number)
        grid = sample_size // block.stride if block.number in FUSION_BLOCKS else None
        stock = transformer.get_submodule("transformer_blocks.0")
        transformer.transformer_blocks = nn.ModuleList([FusionBlock(stock, block.number, grid)])
