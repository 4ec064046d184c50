"""`ldznet bench`: times of comparing the networks, of reusing features, and of drawing scenes."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from ldznet.cli.options import add_models, add_result_file, open_segmenter
from ldznet.cli.results import check_result_path, write_result
from ldznet.noun_phrases import noun_phrases

if TYPE_CHECKING:
    from ldznet.bench import Spread

SUMMARY = "Time comparing the networks, reusing features, and drawing scenes."
PHRASES = 3
PROMPT = "a red ball left of a blue star"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet bench`."""
    parser.add_argument("--turns", type=int, default=20, help="measurements of each way")
    parser.add_argument("--scenes", type=int, default=200, help="drawn for each style")
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Time and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.turns < 1 or arguments.scenes < 1:
        raise ValueError("Measure at least one turn (--turns) and one scene (--scenes).")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import torch

    from ldznet.backbone import generate
    from ldznet.bench import draw_example, scenes_per_second, time_comparison, time_reuse

    segmenter = open_segmenter(arguments)
    image, phrases = draw_example(PHRASES, segmenter.backbone.native_size)
    comparison = time_comparison(segmenter, image, phrases, arguments.turns)
    generation = generate(segmenter.backbone, PROMPT)
    reuse = time_reuse(segmenter, generation, noun_phrases(PROMPT), arguments.turns)
    rates = scenes_per_second(arguments.scenes)
    print(
        f"{len(segmenter.networks)} networks, {len(phrases)} phrases, {image.shape[1]} x "
        f"{image.shape[0]} pixels, {torch.get_num_threads()} threads, {arguments.turns} turns",
        _line("shared", comparison.shared, "s"),
        _line("plain", comparison.plain, "s"),
        _line("plain / shared", comparison.ratio, ""),
        f"largest difference between their probabilities: {comparison.largest_difference:.1e}",
        f"segmenting {' and '.join(noun_phrases(PROMPT))} in a picture just generated:",
        _line("reused features", reuse.reused, "s"),
        _line("exact", reuse.exact, "s"),
        _line("reused / exact", reuse.ratio_to_exact, ""),
        _line("reused / exact with encoding", reuse.ratio_to_encoded, ""),
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
        "reuse": {"phrases": noun_phrases(PROMPT), **asdict(reuse)},
        "scenes_per_second": rates,
    }
    write_result(arguments.output, arguments, result)
    print(f"Written to {arguments.output}")


def _line(name: str, spread: "Spread", unit: str) -> str:
    return (
        f"{name}: median {spread.median:.3f} {unit} "
        f"(least {spread.least:.3f}, greatest {spread.greatest:.3f})"
    )
