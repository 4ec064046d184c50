"""`ldznet memory`: what a look inside the full-size diffusion model costs in memory."""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

from ldznet.results.records import check_result_path, write_result

SUMMARY = "Measure the memory that looking into a full-size diffusion model takes."
MEBI = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet memory`."""
    parser.add_argument("--side", type=int, default=64, help="latent cells, a multiple of 8")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json")


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.side < 8 or arguments.side % 8:
        raise ValueError(f"The side must be a multiple of 8 latent cells; got {arguments.side}.")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    from ldznet.experiments.memory import HEADS, TOKENS, WAYS, WIDTHS, compute, measure

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
        "latents": [arguments.side, arguments.side],
        "channels": list(WIDTHS),
        "heads": HEADS,
        "tokens": TOKENS,
        "precision": "float32",
        "unwatched": unwatched,
        "costs": [asdict(cost) for cost in costs],
    }
    write_result(arguments.output, arguments, result)
    print(f"Written to {arguments.output}")
