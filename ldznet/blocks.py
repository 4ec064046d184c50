"""The sixteen attention blocks of a Stable Diffusion 1.x U-Net, numbered as in the paper (Fig. 3).

Execution order: six on the way down, one in the middle, nine on the way up. The number follows the
position in the topology, whatever the widths, so a miniature shares it with the full-size model.
"""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Block:
    """One spatial transformer of the U-Net."""

    number: int  # 1-16
    path: str  # module path inside `UNet2DConditionModel`
    level: int  # index into `block_out_channels`; 3 is the middle
    stride: int  # latent cells per feature cell, along each side


BLOCKS = {
    block.number: block
    for block in (
        Block(1, "down_blocks.0.attentions.0", 0, 1),
        Block(2, "down_blocks.0.attentions.1", 0, 1),
        Block(3, "down_blocks.1.attentions.0", 1, 2),
        Block(4, "down_blocks.1.attentions.1", 1, 2),
        Block(5, "down_blocks.2.attentions.0", 2, 4),
        Block(6, "down_blocks.2.attentions.1", 2, 4),
        Block(7, "mid_block.attentions.0", 3, 8),
        Block(8, "up_blocks.1.attentions.0", 2, 4),
        Block(9, "up_blocks.1.attentions.1", 2, 4),
        Block(10, "up_blocks.1.attentions.2", 2, 4),
        Block(11, "up_blocks.2.attentions.0", 1, 2),
        Block(12, "up_blocks.2.attentions.1", 1, 2),
        Block(13, "up_blocks.2.attentions.2", 1, 2),
        Block(14, "up_blocks.3.attentions.0", 0, 1),
        Block(15, "up_blocks.3.attentions.1", 0, 1),
        Block(16, "up_blocks.3.attentions.2", 0, 1),
    )
}

FUSION_BLOCKS = (6, 7, 8, 9, 10)  # where LD-ZNet reads the LDM's features (paper section 3.2)

UNET_STRIDE = 8  # latent cells per cell of the coarsest level: sides must be its multiples


def find_block(unet: nn.Module, number: int) -> nn.Module:
    """The spatial transformer (`Transformer2DModel`) with this number (1-16)."""
    if number not in BLOCKS:
        raise ValueError(f"Blocks are numbered 1 to 16; got {number}.")
    return unet.get_submodule(BLOCKS[number].path)
