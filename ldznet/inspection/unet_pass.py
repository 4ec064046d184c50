"""One pass of the diffusion model's U-Net, from which every view of it is read without another."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ldznet.backbone import LatentDiffusion, record
from ldznet.backbone.ldm import check_seed
from ldznet.backbone.recording import stop_after
from ldznet.blocks import BLOCKS, find_block
from ldznet.inspection.subject import Subject, noisy_latents
from ldznet.inspection.tokens import Tokens, check_phrase, read_tokens


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
        stride = BLOCKS[block].stride
        return self.grid[0] // stride, self.grid[1] // stride


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
    last = find_block(backbone.unet, max(blocks))
    with (
        record(
            backbone.unet, features=features, attention=words, kinds=["cross"], states=points
        ) as seen,
        stop_after(last),
    ):
        backbone.unet(latents, timestep, text)

    def cross(block: int) -> np.ndarray:  # (tokens, h, w)
        attention = seen.attention[timestep, block, "cross"][0, :, : len(tokens.words)]
        stride = BLOCKS[block].stride
        return attention.T.unflatten(1, (subject.grid[0] // stride, -1)).cpu().numpy()

    return UNetPass(
        phrase=phrase,
        timestep=timestep,
        seed=seed,
        size=subject.image.shape[:2],
        grid=subject.grid,
        tokens=tokens,
        features={
            block: seen.features[timestep, block][0].float().cpu().numpy() for block in features
        },
        cross={block: cross(block) for block in words},
        states={block: seen.states[timestep, block].float().cpu() for block in points},
    )


def resize(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (n, h, w) brought to `size` bilinearly, antialiased where that makes them smaller."""
    if maps.shape[-2:] == size:
        return maps
    tensor = torch.from_numpy(maps)[None]
    resized = torch.nn.functional.interpolate(tensor, size=size, mode="bilinear", antialias=True)
    return resized[0].numpy()
