"""`ldznet bench`: times of a comparison of the networks and of drawing scenes."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ldznet.cli.results import check_result_path, write_result

if TYPE_CHECKING:
    from ldznet.bench import Spread

SUMMARY = "Time a comparison of the networks, against one that shares nothing, and the drawing."
PHRASES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet bench`."""
    parser.add_argument("--turns", type=int, default=20, help="measurements of each way")
    parser.add_argument("--scenes", type=int, default=200, help="drawn for each style")
    parser.add_argument("--backbone", default="pocket", help="pocket, or a diffusers folder")
    parser.add_argument("--networks", type=Path, help="folder of networks trained on the backbone")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json")


def run(arguments: argparse.Namespace) -> None:
    """Time and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.turns < 1 or arguments.scenes < 1:
        raise ValueError("Measure at least one turn (--turns) and one scene (--scenes).")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import torch

    from ldznet.bench import draw_example, scenes_per_second, time_comparison
    from ldznet.pipeline import Segmenter

    segmenter = Segmenter.from_pretrained(arguments.backbone, networks=arguments.networks)
    image, phrases = draw_example(PHRASES, segmenter.backbone.native_size)
    comparison = time_comparison(segmenter, image, phrases, arguments.turns)
    rates = scenes_per_second(arguments.scenes)
    print(
        f"{len(segmenter.networks)} networks, {len(phrases)} phrases, {image.shape[1]} x "
        f"{image.shape[0]} pixels, {torch.get_num_threads()} threads, {arguments.turns} turns",
        _line("shared", comparison.shared, "s"),
        _line("plain", comparison.plain, "s"),
        _line("plain / shared", comparison.ratio, ""),
        f"largest difference between their probabilities: {comparison.largest_difference:.1e}",
        *(f"{style}: {rate:.0f} scenes per second" for style, rate in rates.items()),
        sep="\n",
    )
    result = {
        "threads": torch.get_num_threads(),
        "phrases": phrases,
        "width": image.shape[1],
        "height": image.shape[0],
        "networks": list(segmenter.networks),
        "comparison": asdict(comparison),
        "scenes_per_second": rates,
    }
    write_result(arguments.output, arguments, result)
    print(f"Written to {arguments.output}")


def _line(name: str, spread: "Spread", unit: str) -> str:
    return (
        f"{name}: median {spread.median:.3f} {unit} "
        f"(least {spread.least:.3f}, greatest {spread.greatest:.3f})"
    )
