"""LD-ZNet: one pass, and what its third attention read of the diffusion model's features."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ldznet.backbone import record
from ldznet.backbone.ldm import FEATURE_TIMESTEP, check_numbers, check_seed
from ldznet.blocks import FUSION_BLOCKS
from ldznet.images import to_pixels
from ldznet.inspection.subject import Subject, check_phrase, find_cell, noisy_latents
from ldznet.inspection.unet import PointMap, block_grid, check_kept
from ldznet.networks import LDZNet
from ldznet.networks.base import SEGMENTATION_TIMESTEP
from ldznet.phrases import apply_template
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding

NETWORK = "ldznet"  # the one network that has this attention
DEFAULT_FUSION_BLOCK = 8  # of 6 to 10 one that tells cells apart, chosen by eye


@dataclass(frozen=True)
class NetworkPass:
    """What LD-ZNet read and what it answered."""

    phrase: str
    timestep: int  # at which the diffusion model's features were taken
    seed: int
    grid: tuple[int, int]  # (h, w) of the latents; a block's own is this over its stride
    # Block (6-10) -> (h * w, 1 + h * w): rows sum to 1, the mean of all cells comes first
    attention: dict[int, np.ndarray]
    probability: np.ndarray  # (H, W) float32 in [0, 1]

    def grid_of(self, block: int) -> tuple[int, int]:
        """(h, w) of a block's features."""
        return block_grid(self.grid, block)


@torch.no_grad()
def run_network(
    segmenter: Segmenter,
    subject: Subject,
    phrase: str,
    *,
    timestep: int,
    seed: int = 0,
    features: Mapping[int, Tensor] | None = None,
) -> NetworkPass:
    """LD-ZNet's pass over a subject, with the attention to the features of blocks 6 to 10.

    `features` (block -> (1, C, h, w)) spares the diffusion model's pass where they are at hand.
    Raises ValueError if the segmenter has no LD-ZNet, for an empty or over-long phrase, or a seed
    or timestep out of range.
    """
    if NETWORK not in segmenter.networks:
        raise ValueError("This needs the network LD-ZNet, and the segmenter was loaded without it.")
    phrase = check_phrase(phrase)
    check_seed(seed)
    backbone, network = segmenter.backbone, segmenter.networks[NETWORK]
    assert isinstance(network, LDZNet)
    text = backbone.encode_text(apply_template(segmenter.template, [phrase]))
    if features is None:
        noisy = noisy_latents(backbone, subject, timestep, seed)
        recording = backbone.read(noisy, text, LDZNet.reading, timestep=timestep)
        features = recording.features_at(timestep)
    pixels = to_pixels(subject.image[None].copy())
    encoding = Encoding(
        pixels=pixels.to(text),
        latents=subject.latents.to(text),
        text=text,
        features={block: feature.to(text) for block, feature in features.items()},
    )
    with record(network.unet, attention=FUSION_BLOCKS, kinds=["fusion"]) as recording:
        logits = network(encoding)  # (1, 1, H, W)
    check_numbers(NETWORK, backbone.dtype, logits)
    return NetworkPass(
        phrase=phrase,
        timestep=timestep,
        seed=seed,
        grid=subject.grid,
        attention={
            block: recording.attention[SEGMENTATION_TIMESTEP, block, "fusion"][0].cpu().numpy()
            for block in FUSION_BLOCKS
        },
        probability=logits[0, 0].float().sigmoid().cpu().numpy(),
    )


def fusion_point(
    segmenter: Segmenter,
    subject: Subject,
    phrase: str,
    x: float,
    y: float,
    *,
    block: int,
    timestep: int = FEATURE_TIMESTEP,
    seed: int = 0,
) -> PointMap:
    """Which of the diffusion model's features LD-ZNet reads to decide the point (x, y), in pixels.

    Raises ValueError for a point outside the image; other errors as `run_network`.
    """
    find_cell(x, y, subject.image.shape[:2], subject.grid)
    network_pass = run_network(segmenter, subject, phrase, timestep=timestep, seed=seed)
    return fusion_point_of(network_pass, x, y, block=block)


def fusion_point_of(network_pass: NetworkPass, x: float, y: float, *, block: int) -> PointMap:
    """The same from a pass already run; raises ValueError for a point outside or another block."""
    grid = network_pass.grid_of(check_kept(block, network_pass.attention))
    cell = find_cell(x, y, network_pass.probability.shape, grid)
    # (1 + h * w,): the mean comes first
    row = network_pass.attention[block][cell[0] * grid[1] + cell[1]]
    return PointMap(
        map=row[1:].reshape(grid),
        pooled_share=float(row[0]),
        cell=cell,
        block=block,
        timestep=network_pass.timestep,
        seed=network_pass.seed,
    )
