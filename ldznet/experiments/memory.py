"""What a look inside costs in memory at full size: by formula, and measured on random weights."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from ldznet.backbone import record
from ldznet.backbone.recording import attention_layer, attention_map
from ldznet.blocks import BLOCKS
from ldznet.experiments.measuring import highest_memory, measure_process
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result

MEBI = 2**20
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment memory`."""
    parser.add_argument("--side", type=int, default=SIDE, help="latent cells, a multiple of 8")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.side < 8 or arguments.side % 8:
        raise ValueError(f"The side must be a multiple of 8 latent cells; got {arguments.side}.")
    unwatched = measure("nothing", arguments.side)
    costs = []
    print(f"MiB beyond {unwatched / MEBI:.0f} of an unwatched pass: kept, peak, measured peak")
    for cost in compute(arguments.side):
        if cost.way in WAYS:
            cost = replace(cost, measured=measure(cost.way, arguments.side) - unwatched)
        costs.append(cost)
        measured = "-" if cost.measured is None else f"{cost.measured / MEBI:.1f}"
        print(
            f"{cost.meaning:<66}{cost.kept / MEBI:8.1f}{cost.peak / MEBI:8.1f}{measured:>8}",
            flush=True,
        )
    result = {
        "seeds": "0, of the weights",
        "latents": [arguments.side, arguments.side],
        "channels": list(WIDTHS),
        "heads": HEADS,
        "tokens": TOKENS,
        "precision": "float32",
        "unwatched": unwatched,
        "costs": [asdict(cost) for cost in costs],
    }
    write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")


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
