"""`ldznet evaluate`: scores of the networks on a dataset, as JSON and as a table."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ldznet.results.options import (
    WHOSE,
    add_models,
    add_noise,
    add_recipe,
    add_result_file,
    open_segmenter,
    settle_timestep,
)
from ldznet.results.records import check_result_path, command_line, write_result

if TYPE_CHECKING:
    from ldznet.evaluation import Report
    from ldznet.types import Sample

SUMMARY = "Score the networks on a dataset; write the scores as JSON."
SPLIT = "test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet evaluate`."""
    parser.add_argument("--dataset", default="shapes")
    parser.add_argument(
        "--styles",
        nargs="+",
        metavar="STYLE",
        help="of a data set that has them, or all; without it, photo",
    )
    parser.add_argument("--count", type=int, default=300, help="scenes of each style")
    parser.add_argument("--phrases-per-scene", type=int, default=2)
    parser.add_argument("--network", nargs="+", default=["all"], help=WHOSE)
    parser.add_argument("--threshold", type=float, default=0.5, help="a multiple of 0.02")
    add_noise(parser)
    add_recipe(parser)
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Score and write; raises ValueError with one sentence, and then leaves nothing behind."""
    settle_timestep(arguments)
    check_result_path(arguments.output)

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    from tqdm import tqdm

    from ldznet.checkpoints.hub import name_source
    from ldznet.evaluation import evaluate
    from ldznet.metrics import threshold_index
    from ldznet.pipeline import Settings

    threshold_index(arguments.threshold)  # raises for one without a score
    names = None if "all" in arguments.network else arguments.network
    datasets = _open_datasets(arguments)
    segmenter = open_segmenter(arguments, names)
    sets = {}
    for name, samples in datasets.items():
        start = perf_counter()
        reports = evaluate(
            segmenter,
            tqdm(samples, name, unit=" phrases", leave=False, disable=None),
            [*segmenter.networks, *segmenter.peers],
            Settings(
                seed=arguments.seed,
                timestep=arguments.timestep,
                recipe=arguments.recipe,
                ensemble=arguments.ensemble,
            ),
            threshold=arguments.threshold,
        )
        sets[name] = {
            "scenes": arguments.count,
            "phrases": next(iter(reports.values())).overall.count,
            "seconds": round(perf_counter() - start, 1),
            "scores": {
                network: {
                    "overall": asdict(report.overall),
                    "kinds": {kind: asdict(scores) for kind, scores in report.kinds.items()},
                }
                for network, report in reports.items()
            },
        }
        print(_table(name, sets[name], reports), flush=True)
    result = {
        "dataset": arguments.dataset,
        "split": SPLIT,
        "backbone": name_source(arguments.backbone),
        "threshold": arguments.threshold,
        "seed": arguments.seed,
        "timestep": arguments.timestep,
        "recipe": arguments.recipe,
        "ensemble": arguments.ensemble,
        "sets": sets,
    }
    write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")


def _open_datasets(arguments: argparse.Namespace) -> "dict[str, Sequence[Sample]]":
    """The sets to score on, by style or, of a data set without styles, by its own name.

    Of the options only those reach the data set that it takes; the others are struck out, so that
    the record holds what was used. Raises ValueError as the data set does.
    """
    from ldznet.data import open_dataset, options_of
    from ldznet.data.shapes import STYLES

    name, known = arguments.dataset, options_of(arguments.dataset)
    if "phrases_per_scene" not in known:
        arguments.phrases_per_scene = None
    given = {"count": arguments.count, "phrases_per_scene": arguments.phrases_per_scene}
    options = {option: value for option, value in given.items() if option in known}
    if "style" not in known:
        if arguments.styles:
            raise ValueError(f"The data set {name} has no styles; leave --styles away.")
        return {name: open_dataset(name, SPLIT, **options)}
    arguments.styles = arguments.styles or ["photo"]
    styles = list(STYLES) if "all" in arguments.styles else arguments.styles
    return {style: open_dataset(name, SPLIT, style=style, **options) for style in styles}


def _table(style: str, scored: Mapping[str, Any], reports: "Mapping[str, Report]") -> str:
    """A row per network, in per cent; the kinds of phrases with their mIoU."""
    kinds = list(next(iter(reports.values())).kinds)
    title = (
        f"{style}: {scored['scenes']} scenes, {scored['phrases']} phrases; in per cent, "
        "kinds of phrase by mIoU"
    )
    heads = ["", "mIoU", "IoU_FG", "AP", *kinds]
    rows = [
        [name]
        + [f"{100 * value:.1f}" for value in _numbers(report)]
        + [f"{100 * report.kinds[kind].mean_iou:.1f}" for kind in kinds]
        for name, report in reports.items()
    ]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (heads, *rows)
    ]
    return "\n".join([title, *lines, ""])


def _numbers(report: "Report") -> tuple[float, float, float]:
    scores = report.overall
    return scores.mean_iou, scores.foreground_iou, scores.average_precision
