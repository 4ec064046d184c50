"""What an ensemble buys: scores of means over more and more readings, by what they differ in."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ldznet.data import open_dataset
from ldznet.evaluation import score
from ldznet.networks import NETWORKS
from ldznet.pipeline import Segmenter, Settings
from ldznet.pipeline.recipe import TEMPLATES, deterministic_passes, usable_templates
from ldznet.results.options import add_models, add_result_file, open_segmenter
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.types import Sample, Scores

SPLIT = "test"
SIZES = (1, 2, 4, 8)
INGREDIENTS = ("noise", "timestep", "template", "all")

Key = tuple[str, str, int]  # ingredient, network, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment ensemble`."""
    parser.add_argument("--style", default="photo", help="of the drawn world")
    parser.add_argument("--count", type=int, default=100, help="scenes")
    parser.add_argument("--phrases-per-scene", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the noise added to the latents")
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Score and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
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
    write_result(arguments.output, command_line(arguments), result)
    print("mIoU, IoU_FG, AP in per cent; k readings differ in")
    for ingredient, networks in scores.items():
        for name, sizes in networks.items():
            for size, each in sizes.items():
                numbers = (each.mean_iou, each.foreground_iou, each.average_precision)
                shown = "  ".join(f"{100 * number:5.2f}" for number in numbers)
                print(f"{ingredient:9} {name:7} k={size}  {shown}")
    print(f"Written to {arguments.output}")


def measure_ensembles(
    segmenter: Segmenter,
    dataset: Iterable[Sample],
    *,
    seed: int,
    templates: Sequence[str],
    sizes: Sequence[int] = SIZES,
) -> dict[str, dict[str, dict[int, Scores]]]:
    """The scores by ingredient, network and size of the ensemble.

    The members of one ingredient differ in that alone. Noise and timestep are tried on the networks
    that read the LDM: the others do not depend on them. The template takes turns among those
    `templates` that the backbone has words and room for, whatever the segmenter's own ensembles
    use. Samples of one scene come one after the other. Raises ValueError for no samples.
    """
    readers = [name for name, network in segmenter.networks.items() if network.reading]
    concerned = {"noise": readers, "timestep": readers}

    def answer(image: np.ndarray, phrases: tuple[str, ...]) -> dict[Key, np.ndarray]:
        plain = segmenter.compare(image, phrases, list(segmenter.networks), seed=seed)
        means = {}
        for ingredient in INGREDIENTS:
            names = list(concerned.get(ingredient, segmenter.networks))
            members = [{name: plain[name].probability for name in names}]
            for options in _members(segmenter, phrases, ingredient, seed, templates, max(sizes)):
                other = segmenter.compare(image, phrases, names, **options)
                members.append({name: each.probability for name, each in other.items()})
            for name, size in product(names, sizes):
                parts = [member[name] for member in members[:size]]
                means[ingredient, name, size] = np.mean(parts, axis=0)
        return means

    scores: dict[str, dict[str, dict[int, Scores]]] = {}
    for (ingredient, name, size), report in score(dataset, answer).items():
        scores.setdefault(ingredient, {}).setdefault(name, {})[size] = report.overall
    return scores


def _members(
    segmenter: Segmenter,
    phrases: Sequence[str],
    ingredient: str,
    seed: int,
    templates: Sequence[str],
    size: int,
) -> list[dict[str, Any]]:
    """The options of `compare` for each member but the first."""
    others = [each for each in templates if each != segmenter.template]
    wordings = [*usable_templates(segmenter.backbone, others, phrases), segmenter.template]
    settings = Settings(seed=seed, template=segmenter.template, ensemble=size)
    passes = deterministic_passes(phrases, settings, wordings[:-1])
    members = []
    for number, each in enumerate(passes[1:]):
        options: dict[str, Any] = {"seed": seed}
        if ingredient in ("noise", "all"):
            options["seed"] = each.seed
        if ingredient in ("timestep", "all"):
            options["timestep"] = each.timestep
        if ingredient in ("template", "all"):
            options["template"] = wordings[number % len(wordings)]
        members.append(options)
    return members
