"""The diffusion model's U-Net: one pass, from which words, points and features are read.

Whatever is to be seen of one pass is named to `run_unet`; the `..._of` functions read it without
another pass.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.ldm import check_seed
from ldznet.backbone.recording import attention_layer, attention_map
from ldznet.blocks import BLOCKS
from ldznet.inspection.subject import Subject, check_phrase, find_cell, noisy_latents
from ldznet.types import Reading

# Where pocket's attention points best: the pointing game's choice, in
# assets/benchmarks/pointing.json; a test holds the two together.
DEFAULT_TIMESTEP = 50
DEFAULT_BLOCKS: tuple[int, ...] = tuple(BLOCKS)
DEFAULT_POINT_BLOCK = 13  # where self-attention completes things best for the attention baseline

START, END = "⟨start⟩", "⟨end⟩"


@dataclass(frozen=True)
class Tokens:
    """A phrase's tokens from the start token to the first end token; the padding is left out."""

    words: tuple[str, ...]  # a word of several tokens comes in pieces
    special: tuple[bool, ...]  # whether it is the start or the end token


@dataclass(frozen=True)
class UNetPass:
    """What was kept of one pass, by block (1-16); everything on the CPU, float32."""

    phrase: str
    timestep: int
    seed: int
    size: tuple[int, int]  # (H, W) of the subject's image, pixels
    grid: tuple[int, int]  # (h, w) of its latents; a block's own is this over its stride
    tokens: Tokens
    features: dict[int, np.ndarray]  # (C, h, w)
    cross: dict[int, np.ndarray]  # (tokens, h, w): how much of each cell's attention a token gets
    states: dict[int, Tensor]  # (1, h * w, C): what the self-attention reads

    def grid_of(self, block: int) -> tuple[int, int]:
        """(h, w) of a block's features."""
        return block_grid(self.grid, block)


@dataclass(frozen=True)
class WordMaps:
    """A map per token: the share of a cell's text attention that the token gets.

    Mean over heads and blocks. Over all tokens a cell's shares sum to 1 less what the padding got.
    """

    phrase: str
    words: tuple[str, ...]
    special: tuple[bool, ...]  # whether it is the start or the end token
    maps: np.ndarray  # (tokens, h, w) float32 in [0, 1], on the latents' grid
    blocks: tuple[int, ...]
    timestep: int
    seed: int


@dataclass(frozen=True)
class PointMap:
    """How much of its attention one cell gives to every cell of a block; mean over heads."""

    map: np.ndarray  # (h, w) float32 in [0, 1], on the block's own grid
    pooled_share: float  # given to the mean of all cells (feature attention); map and this sum to 1
    cell: tuple[int, int]  # row and column of the point on that grid
    block: int
    timestep: int
    seed: int


@torch.no_grad()
def run_unet(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int,
    seed: int = 0,
    features: Collection[int] = (),
    words: Collection[int] = (),
    points: Collection[int] = (),
) -> UNetPass:
    """The pass at one timestep, conditioned on the phrase, with what the named blocks show.

    `features` for `colours_of_blocks`, `words` for `words_of`, `points` for `point_of`. The U-Net
    stops after the last block named. Raises ValueError for an empty or over-long phrase, no block,
    a block that is not 1-16, or a timestep the noise schedule does not have.
    """
    phrase = check_phrase(phrase)
    check_seed(seed)
    blocks = {*features, *words, *points}
    if not blocks:
        raise ValueError("Name at least one block, from 1 to 16.")
    text = backbone.encode_text([phrase])
    tokens = read_tokens(backbone, phrase)
    latents = noisy_latents(backbone, subject, timestep, seed)
    reading = Reading(tuple(features), tuple(words), kinds=("cross",), states=tuple(points))
    recording = backbone.read(latents, text, reading, timestep=timestep)

    def cross(block: int) -> np.ndarray:  # (tokens, h, w)
        attention = recording.attention[timestep, block, "cross"][0, :, : len(tokens.words)]
        return attention.T.unflatten(1, block_grid(subject.grid, block)).cpu().numpy()

    return UNetPass(
        phrase=phrase,
        timestep=timestep,
        seed=seed,
        size=subject.image.shape[:2],
        grid=subject.grid,
        tokens=tokens,
        features={
            block: recording.features[timestep, block][0].float().cpu().numpy()
            for block in features
        },
        cross={block: cross(block) for block in words},
        states={block: recording.states[timestep, block].float().cpu() for block in points},
    )


# The words of a phrase: cross-attention, a map per token.


def attention_words(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = DEFAULT_TIMESTEP,
    blocks: Sequence[int] = DEFAULT_BLOCKS,
    seed: int = 0,
) -> WordMaps:
    """Which cells each word of the phrase draws, mean over the blocks; errors as `run_unet`."""
    unet_pass = run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, words=blocks)
    return words_of(unet_pass, blocks)


def words_of(unet_pass: UNetPass, blocks: Sequence[int] | None = None) -> WordMaps:
    """The maps of a pass, mean over `blocks` (by default all whose words it kept).

    Raises ValueError for no block, or one whose words the pass did not keep.
    """
    chosen = tuple(sorted(set(unet_pass.cross if blocks is None else blocks)))
    if not chosen:
        raise ValueError("Choose at least one block.")
    if not set(chosen) <= unet_pass.cross.keys():
        kept = ", ".join(map(str, sorted(unet_pass.cross))) or "none"
        raise ValueError(f"Choose blocks whose words this pass kept: {kept}.")
    maps = [resize(unet_pass.cross[block], unet_pass.grid) for block in chosen]
    return WordMaps(
        phrase=unet_pass.phrase,
        words=unet_pass.tokens.words,
        special=unet_pass.tokens.special,
        maps=np.stack(maps).mean(axis=0),
        blocks=chosen,
        timestep=unet_pass.timestep,
        seed=unet_pass.seed,
    )


def read_tokens(backbone: LatentDiffusion, phrase: str) -> Tokens:
    """The tokens of a phrase, start and end token included."""
    tokenizer = backbone.tokenizer
    inner = tokenizer(phrase, add_special_tokens=False).input_ids
    pieces = tokenizer.convert_ids_to_tokens(inner)
    words = [
        _readable(tokenizer.decode([number]), piece)
        for number, piece in zip(inner, pieces, strict=True)
    ]
    return Tokens((START, *words, END), (True, *[False] * len(words), True))


def _readable(text: str, piece: str) -> str:
    """The token's text; its raw spelling if it is only some bytes of a character."""
    return piece.removesuffix("</w>") if "\ufffd" in text else text.strip()


# One point: its row of a self-attention.


def self_attention_point(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    x: float,
    y: float,
    *,
    block: int,
    timestep: int = DEFAULT_TIMESTEP,
    seed: int = 0,
) -> PointMap:
    """Where the point (x, y), in pixels of the subject's image, looks in the diffusion model.

    Raises ValueError for a point outside the image; other errors as `run_unet`.
    """
    find_cell(x, y, subject.image.shape[:2], subject.grid)  # a click outside costs no pass
    unet_pass = run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, points=[block])
    return point_of(backbone, unet_pass, x, y, block=block)


def point_of(
    backbone: LatentDiffusion, unet_pass: UNetPass, x: float, y: float, *, block: int
) -> PointMap:
    """Where a point looks in a pass that kept the block's `points`; the U-Net does not run.

    Raises ValueError for a point outside the image or a block not kept.
    """
    grid = unet_pass.grid_of(check_kept(block, unet_pass.states))
    cell = find_cell(x, y, unet_pass.size, grid)
    states = unet_pass.states[block].to(backbone.device, backbone.dtype)  # (1, h * w, C)
    place = cell[0] * grid[1] + cell[1]
    layer = attention_layer(backbone.unet, block, "self")
    row = attention_map(layer, states[:, place : place + 1], states)  # (1, 1, h * w)
    attention = row.reshape(grid).cpu().numpy()
    return PointMap(attention, 0.0, cell, block, unet_pass.timestep, unet_pass.seed)


# The text: what it changes in the guess of the noise, the paper's motivation.


def text_change(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = DEFAULT_TIMESTEP,
    seed: int = 0,
) -> np.ndarray:
    """(h, w) float32, at least 0: how far the phrase moves the noise estimate of each latent cell.

    The Euclidean norm over the four channels of the estimate with the phrase less the one with an
    empty text, whatever the model predicts; both come from one pass of two. Raises ValueError for
    an empty or over-long phrase, or a seed or timestep out of range.
    """
    check_seed(seed)
    text = backbone.encode_text([check_phrase(phrase), ""])  # (2, tokens, D)
    noisy = noisy_latents(backbone, subject, timestep, seed).expand(2, -1, -1, -1)
    conditional, unconditional = backbone.estimate_noise(noisy, text, timestep)
    return (conditional - unconditional).norm(dim=0).cpu().numpy()


# Grids.


def block_grid(grid: tuple[int, int], block: int) -> tuple[int, int]:
    """(h, w) of a block's features where the latents' grid is `grid`."""
    stride = BLOCKS[block].stride
    return grid[0] // stride, grid[1] // stride


def check_kept(block: int, kept: Collection[int]) -> int:
    """The block; raises ValueError if nothing was kept of it."""
    if block not in kept:
        raise ValueError(
            f"There is nothing to see at block {block} here; choose from "
            f"{', '.join(map(str, sorted(kept)))}."
        )
    return block


def resize(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (n, h, w) brought to `size` bilinearly, antialiased where that makes them smaller."""
    if maps.shape[-2:] == size:
        return maps
    tensor = torch.from_numpy(maps)[None]
    resized = torch.nn.functional.interpolate(tensor, size=size, mode="bilinear", antialias=True)
    return resized[0].numpy()
