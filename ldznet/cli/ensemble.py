"""`ldznet ensemble`: what the mean of several readings buys, as JSON and as a table."""

import argparse
from dataclasses import asdict
from pathlib import Path

from ldznet.cli.options import add_models, add_result_file, open_segmenter
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Measure what ensembles buy, by noise, timestep and template; write the scores as JSON."
SPLIT = "test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet ensemble`."""
    parser.add_argument("--style", default="photo", help="of the drawn world")
    parser.add_argument("--count", type=int, default=100, help="scenes")
    parser.add_argument("--phrases-per-scene", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the noise added to the latents")
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Score and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    from tqdm import tqdm

    from ldznet.data import open_dataset
    from ldznet.experiments.ensemble import measure_ensembles
    from ldznet.networks import NETWORKS
    from ldznet.pipeline.recipe import TEMPLATES

    dataset = open_dataset(
        "shapes",
        SPLIT,
        style=arguments.style,
        count=arguments.count,
        phrases_per_scene=arguments.phrases_per_scene,
    )
    segmenter = open_segmenter(arguments, list(NETWORKS))
    scores = measure_ensembles(
        segmenter,
        tqdm(dataset, unit=" phrases", leave=False, disable=None),
        seed=arguments.seed,
        templates=TEMPLATES,
    )
    result = {
        "dataset": "shapes",
        "split": SPLIT,
        "style": arguments.style,
        "scenes": arguments.count,
        "backbone": Path(arguments.backbone).name,
        "seed": arguments.seed,
        "scores": {
            ingredient: {
                name: {str(size): asdict(each) for size, each in sizes.items()}
                for name, sizes in networks.items()
            }
            for ingredient, networks in scores.items()
        },
    }
    write_result(arguments.output, arguments, result)
    print("mIoU, IoU_FG, AP in per cent; k readings differ in")
    for ingredient, networks in scores.items():
        for name, sizes in networks.items():
            for size, each in sizes.items():
                numbers = (each.mean_iou, each.foreground_iou, each.average_precision)
                shown = "  ".join(f"{100 * number:5.2f}" for number in numbers)
                print(f"{ingredient:9} {name:7} k={size}  {shown}")
    print(f"Written to {arguments.output}")
