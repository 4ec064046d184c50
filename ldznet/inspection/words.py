"""Which cells each word of a phrase draws: the U-Net's cross-attention, a map per token."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.inspection.defaults import DEFAULT_BLOCKS, DEFAULT_TIMESTEP
from ldznet.inspection.subject import Subject
from ldznet.inspection.unet_pass import UNetPass, resize, run_unet


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


def attention_words(
    backbone: LatentDiffusion,
    subject: Subject,
    phrase: str,
    *,
    timestep: int = DEFAULT_TIMESTEP,
    blocks: Sequence[int] = DEFAULT_BLOCKS,
    seed: int = 0,
) -> WordMaps:
    """A map per token of the phrase, mean over the blocks; errors as `run_unet`."""
    seen = run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, words=blocks)
    return words_of(seen, blocks)


def words_of(seen: UNetPass, blocks: Sequence[int] | None = None) -> WordMaps:
    """The maps of a pass, mean over `blocks` (by default all whose words it kept).

    Raises ValueError for no block, or one whose words the pass did not keep.
    """
    wanted = tuple(sorted(set(seen.cross if blocks is None else blocks)))
    if not wanted:
        raise ValueError("Choose at least one block.")
    if not set(wanted) <= seen.cross.keys():
        kept = ", ".join(map(str, sorted(seen.cross))) or "none"
        raise ValueError(f"Choose blocks whose words this pass kept: {kept}.")
    maps = [resize(seen.cross[block], seen.grid) for block in wanted]
    return WordMaps(
        phrase=seen.phrase,
        words=seen.tokens.words,
        special=seen.tokens.special,
        maps=np.stack(maps).mean(axis=0),
        blocks=wanted,
        timestep=seen.timestep,
        seed=seen.seed,
    )
