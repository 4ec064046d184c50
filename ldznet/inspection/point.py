"""Where one point looks: its row of a self-attention, or of LD-ZNet's feature attention."""

from dataclasses import dataclass

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.ldm import FEATURE_TIMESTEP
from ldznet.backbone.recording import attention_layer, attention_map
from ldznet.inspection.defaults import DEFAULT_TIMESTEP
from ldznet.inspection.network_pass import NetworkPass, run_network
from ldznet.inspection.subject import Subject
from ldznet.inspection.unet_pass import UNetPass, run_unet
from ldznet.pipeline import Segmenter


@dataclass(frozen=True)
class PointMap:
    """How much of its attention one cell gives to every cell of a block; mean over heads."""

    map: np.ndarray  # (h, w) float32 in [0, 1], on the block's own grid
    pooled_share: float  # given to the mean of all cells (feature attention); map and this sum to 1
    cell: tuple[int, int]  # row and column of the point on that grid
    block: int
    timestep: int
    seed: int


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
    seen = run_unet(backbone, subject, phrase, timestep=timestep, seed=seed, points=[block])
    return point_of(backbone, seen, x, y, block=block)


def point_of(
    backbone: LatentDiffusion, seen: UNetPass, x: float, y: float, *, block: int
) -> PointMap:
    """Where a point looks in a pass that kept the block's `points`; the U-Net does not run.

    Raises ValueError for a point outside the image or a block not kept.
    """
    grid = seen.grid_of(_check_kept(block, seen.states))
    cell = find_cell(x, y, seen.size, grid)
    states = seen.states[block].to(backbone.device, backbone.dtype)  # (1, h * w, C)
    place = cell[0] * grid[1] + cell[1]
    layer = attention_layer(backbone.unet, block, "self")
    row = attention_map(layer, states[:, place : place + 1], states)  # (1, 1, h * w)
    attention = row.reshape(grid).cpu().numpy()
    return PointMap(attention, 0.0, cell, block, seen.timestep, seen.seed)


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
    seen = run_network(segmenter, subject, phrase, timestep=timestep, seed=seed)
    return fusion_point_of(seen, x, y, block=block)


def fusion_point_of(seen: NetworkPass, x: float, y: float, *, block: int) -> PointMap:
    """The same from a pass already run; raises ValueError for a point outside or another block."""
    grid = seen.grid_of(_check_kept(block, seen.attention))
    cell = find_cell(x, y, seen.probability.shape, grid)
    row = seen.attention[block][cell[0] * grid[1] + cell[1]]  # (1 + h * w,): the mean comes first
    attention = row[1:].reshape(grid)
    return PointMap(attention, float(row[0]), cell, block, seen.timestep, seen.seed)


def find_cell(x: float, y: float, size: tuple[int, ...], grid: tuple[int, int]) -> tuple[int, int]:
    """(row, column), on a grid (h, w), of the point (x, y) in a picture of `size` (H, W).

    Raises ValueError for a point outside the picture.
    """
    height, width = size
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f"The point ({x:g}, {y:g}) is outside the picture; x goes from 0 to {width - 1} and "
            f"y from 0 to {height - 1}."
        )
    return int(y * grid[0] / height), int(x * grid[1] / width)


def _check_kept(block: int, kept: dict) -> int:
    if block not in kept:
        raise ValueError(
            f"There is nothing to see at block {block} here; choose from "
            f"{', '.join(map(str, sorted(kept)))}."
        )
    return block
