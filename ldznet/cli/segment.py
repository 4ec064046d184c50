"""`ldznet segment`: phrases found in an image, written as files."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldznet.images import read_image
from ldznet.phrases import check_phrases
from ldznet.results.options import (
    add_masks,
    add_models,
    add_noise,
    add_output_folder,
    add_recipe,
    check_threshold,
    open_segmenter,
    settle_timestep,
)
from ldznet.results.records import check_output_folder, whole_folder

SUMMARY = "Segment phrases in an image; write masks, overlays and probabilities."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet segment`."""
    parser.add_argument("image", metavar="IMAGE", type=Path)
    parser.add_argument("phrases", metavar="PHRASE", nargs="+", help='what to find: "the red ball"')
    add_masks(parser)
    add_noise(parser)
    add_recipe(parser)
    add_models(parser)
    add_output_folder(parser)
    parser.add_argument("--json", action="store_true", help="print segmentation.json")


def run(arguments: argparse.Namespace) -> None:
    """Segment and write; raises ValueError with one sentence, and then leaves nothing behind."""
    settle_timestep(arguments)
    check_threshold(arguments.threshold)
    phrases = check_phrases(arguments.phrases)
    check_output_folder(arguments.output)
    image = read_image(arguments.image)

    # Imported here: it takes seconds, which a mistyped option or path need not wait for.
    from ldznet.results.masks import PROBABILITIES, write_network, write_probabilities

    names = None if arguments.network == "all" else [arguments.network]
    segmenter = open_segmenter(arguments, names)
    segmentations = segmenter.compare(
        image,
        phrases,
        seed=arguments.seed,
        timestep=arguments.timestep,
        recipe=arguments.recipe,
        ensemble=arguments.ensemble,
    )
    segmentations = {name: each.at(arguments.threshold) for name, each in segmentations.items()}
    unknown = {phrase: segmenter.backbone.unknown_words(phrase) for phrase in phrases}
    with whole_folder(arguments.output) as folder:
        report = {
            "image": arguments.image.name,
            "width": image.width,
            "height": image.height,
            "backbone": arguments.backbone,
            "threshold": arguments.threshold,
            "seed": arguments.seed,
            "timestep": arguments.timestep,
            "recipe": arguments.recipe,
            "ensemble": arguments.ensemble,
            "unknown_words": {phrase: words for phrase, words in unknown.items() if words},
            "probabilities": PROBABILITIES,
            "networks": {name: write_network(folder, each) for name, each in segmentations.items()},
        }
        write_probabilities(folder, segmentations)
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    print(text if arguments.json else _summary(report, arguments.output))


def _summary(report: Mapping[str, Any], output: Path) -> str:
    lines = [f"Written to {output}"]
    for phrase, words in report["unknown_words"].items():
        lines.append(f"'{phrase}': the backbone does not know {', '.join(words)}")
    for name, network in report["networks"].items():
        for row in network["phrases"]:
            share = row["area"] / (report["width"] * report["height"])
            what = f"{row['mask']}  {share:.1%} of the image, score {row['score']:.2f}"
            if not row["area"]:
                what = f"no pixel above {report['threshold']}; highest {row['highest']:.2f}"
            lines.append(f"{name:9} {row['phrase']}: {what}")
    return "\n".join(lines)
