"""Segmentation that nobody trained: the LDM's own attention to the words of the phrase.

After DiffSegmenter (Wang et al., 2023, arXiv 2309.02773): cross-attention says where the words are,
self-attention completes the shape. That cross-attention finds words at all is DAAM's observation
(Tang et al., 2022, arXiv 2210.04885).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldznet.blocks import BLOCKS
from ldznet.types import AttentionKind, Encoding, Reading


@dataclass(frozen=True)
class Watched:
    """Which attention of the LDM's U-Net is read."""

    words: tuple[int, ...]  # blocks (1-16) whose cross-attention is averaged
    shape: int  # block whose self-attention spreads it
    timesteps: tuple[int, ...]


# DiffSegmenter reads timestep 100, spreads once with the finest self-attention, and gives four
# fifths of the weight to cross-attention of 8 and 16 cells a side. Not measured here.
STABLE_DIFFUSION = Watched(words=(5, 6, 7, 8, 9, 10), shape=14, timesteps=(100,))
# The best of the sets tried on validation scenes: pocket has learnt its words at the two finest of
# the blocks that LD-ZNet reads, and the shapes one level finer.
POCKET = Watched(words=(9, 10), shape=13, timesteps=(200,))
POCKET_SIDE = 32  # native latent cells of a miniature; Stable Diffusion has 64 or 96

STEEPNESS = 8.0  # logits between the lowest and the highest cell; the best fit on pocket is 8.2
FLAT = 0.02  # share of its mean by which a map varies at least, or it is not stretched to [0, 1]


class AttentionBaseline(nn.Module):
    """Where a cell gives the phrase's words more of its attention than the rest of the image does.

    Each word's map is divided by its mean over the image, so that words and blocks count alike; the
    mean of them all is spread by self-attention and brought to [0, 1] between its lowest and its
    highest cell, and the middle is where the mask ends. So it says where a phrase is rather than
    whether: for a phrase that is not there it shows what comes nearest.
    """

    name: ClassVar[str] = "attention"
    title: ClassVar[str] = "Attention"
    colour: ClassVar[str] = "#E67373"
    reads: ClassVar[str] = "untrained, reads the {cross-attention}"
    remedy: ClassVar[str] = "The attention baseline needs no weights; load it with the backbone."

    def __init__(self, watched: Watched = STABLE_DIFFUSION) -> None:
        super().__init__()
        self.watched = watched
        blocks = tuple(sorted({*watched.words, watched.shape}))
        self.reading = Reading(attention=blocks, timesteps=watched.timesteps)

    @classmethod
    def for_latents(cls, side: int) -> Self:
        """The baseline for a backbone whose native latents have this many cells a side."""
        return cls(POCKET if side <= POCKET_SIDE else STABLE_DIFFUSION)

    def forward(self, encoding: Encoding) -> Tensor:
        """Logits (B, 1, H, W) from the attention and the words' tokens; a row reads only its own.

        Raises ValueError if the encoding lacks what `reading` names.
        """
        if encoding.words is None:
            raise ValueError("The attention baseline needs to know which tokens are words.")
        words = encoding.words[:, None].float()  # (B, 1, tokens)
        height, width = encoding.latents.shape[-2:]
        stride = BLOCKS[self.watched.shape].stride
        size = height // stride, width // stride
        total = torch.zeros((), device=words.device)
        for timestep in self.watched.timesteps:
            words_heat = torch.zeros((), device=words.device)
            for block in self.watched.words:
                share = self._read(encoding, timestep, block, "cross")  # (B, cells, tokens)
                times = share / share.mean(dim=1, keepdim=True).clamp(min=torch.finfo().tiny)
                mean = (times * words).sum(dim=-1) / words.sum(dim=-1).clamp(min=1)  # (B, cells)
                stride = BLOCKS[block].stride
                grid = mean.unflatten(1, (height // stride, width // stride))[:, None]
                words_heat = words_heat + functional.interpolate(grid, size=size, mode="bilinear")
            spread = self._read(encoding, timestep, self.watched.shape, "self")  # (B, hw, hw)
            total = total + spread @ words_heat.flatten(1)[..., None]  # (B, hw, 1)
        heat = total[..., 0] / total.mean(dim=1).clamp(min=torch.finfo().tiny)  # (B, hw), mean 1
        low, high = heat.amin(dim=1, keepdim=True), heat.amax(dim=1, keepdim=True)
        stretched = ((heat - low) / (high - low).clamp(min=FLAT)).unflatten(1, size)[:, None]
        stretched = functional.interpolate(
            stretched, size=encoding.pixels.shape[-2:], mode="bilinear"
        )
        return STEEPNESS * (stretched - 0.5)  # (B, 1, H, W)

    def _read(self, encoding: Encoding, timestep: int, block: int, kind: AttentionKind) -> Tensor:
        try:
            return encoding.attention[timestep, block, kind].float()
        except KeyError:
            raise ValueError(
                f"The attention baseline reads the {kind}-attention of block {block} at timestep "
                f"{timestep}, which the encoding lacks; read it as its `reading` says."
            ) from None
