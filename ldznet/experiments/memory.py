"""What a look inside costs in memory at full size: by formula, and measured on random weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from ldznet.backbone import record
from ldznet.backbone.recording import attention_layer, attention_map
from ldznet.blocks import BLOCKS
from ldznet.experiments.process_memory import highest_memory, measure_process

FLOAT = 4  # bytes of a float32
HEADS = 8  # of Stable Diffusion 1.x, at every level
TOKENS, TEXT_WIDTH = 77, 768  # of its text encoder
WIDTHS = (320, 640, 1280, 1280)  # channels of its levels
SIDE = 64  # latent cells of a picture of 512 pixels

# What each way of looking records; "points" then computes one row of block 1's self-attention.
WAYS: dict[str, dict[str, Any]] = {
    "words": {"attention": BLOCKS, "kinds": ["cross"]},
    "points": {"states": BLOCKS},
    "tab": {"attention": BLOCKS, "kinds": ["cross"], "states": BLOCKS, "features": BLOCKS},
    "map": {"attention": [1], "kinds": ["self"]},
}
MEANING = {
    "words": "cross-attention of 16 blocks, mean over the heads",
    "points": "what the self-attention of 16 blocks reads, and a row of block 1",
    "tab": "words, points and features of 16 blocks in one pass",
    "map": "one whole self-attention map, block 1, mean over the heads",
    "everything": "every head of every self- and cross-attention; never done",
}


@dataclass(frozen=True)
class Cost:
    """What one way of looking needs beyond a pass that nobody watches, in bytes."""

    way: str
    meaning: str
    kept: int  # by formula: what is there when the pass is over
    peak: int  # by formula, at most: that, and what the largest attention needs on the way
    measured: int | None = None  # highest resident memory less that of the unwatched pass


def compute(
    side: int = SIDE, widths: Sequence[int] = WIDTHS, heads: int = HEADS, tokens: int = TOKENS
) -> list[Cost]:
    """The cost of every way by formula; `side` in latent cells, a multiple of 8."""
    cells = {number: (side // block.stride) ** 2 for number, block in BLOCKS.items()}
    most = cells[1]
    projected = 2 * most * widths[0]  # queries and keys of the largest layer
    states = sum(cells[number] * widths[block.level] for number, block in BLOCKS.items())
    words = tokens * sum(cells.values())
    # The sum over the heads so far, a head's scores and their softmax are there at once.
    word_scores, map_scores = 3 * tokens * most, 3 * most**2
    everything = heads * sum(count * (count + tokens) for count in cells.values())
    floats = {
        "words": (words, words + word_scores + projected),
        "points": (states, states + projected),
        "tab": (words + 2 * states, words + 2 * states + word_scores + projected),
        "map": (most**2, map_scores + projected),
        "everything": (everything, everything),
    }
    return [
        Cost(way, MEANING[way], kept * FLOAT, peak * FLOAT) for way, (kept, peak) in floats.items()
    ]


def measure(way: str, side: int = SIDE, widths: Sequence[int] = WIDTHS) -> int:
    """Highest resident memory, in bytes, of a process of its own that looks this way once.

    `way` is one of `WAYS`, or "nothing" for a pass that nobody watches.
    """
    call = f"look({way!r}, {side}, {tuple(widths)})"
    return measure_process(f"from ldznet.experiments.memory import look; print({call})")


@torch.no_grad()
def look(way: str, side: int, widths: tuple[int, ...]) -> int:
    """Highest resident memory so far, in bytes, of this process after looking this way."""
    unet = _random_unet(side, widths)
    latents, text = torch.zeros(1, 4, side, side), torch.zeros(1, TOKENS, TEXT_WIDTH)
    with record(unet, **WAYS.get(way, {})) as recording:
        unet(latents, 400, text)
    if recording.states:
        states = recording.states[400, 1]
        attention_map(attention_layer(unet, 1, "self"), states[:, :1], states)
    return highest_memory()


def _random_unet(side: int, widths: tuple[int, ...]) -> UNet2DConditionModel:
    """Small random weights, without the usual initialisation, which takes much longer."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(
            sample_size=side,
            block_out_channels=widths,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=HEADS,
        )
    unet = unet.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in unet.parameters():
        parameter.normal_(std=0.02, generator=generator)
    return unet
