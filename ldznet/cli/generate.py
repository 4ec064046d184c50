"""`ldznet generate`: pictures drawn from a prompt, and phrases found in them, written as files."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ldznet.phrases import check_phrases, clean_text, noun_phrases
from ldznet.results.options import (
    add_masks,
    add_models,
    add_output_folder,
    add_sampling,
    check_threshold,
    open_backbone,
    open_segmenter,
)
from ldznet.results.records import (
    check_output_folder,
    command_line,
    whole_folder,
    write_result,
)

if TYPE_CHECKING:
    from ldznet.pipeline import Segmenter
    from ldznet.types import Generation

SUMMARY = "Draw pictures from a prompt; segment phrases in them with the features seen meanwhile."
MAX_COUNT = 4
PICTURE = "picture.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet generate`."""
    parser.add_argument("prompt", metavar="PROMPT", help='what to draw: "a photo of a red ball"')
    parser.add_argument("--negative", default="", metavar="PROMPT", help="what not to draw")
    add_sampling(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the first picture's noise")
    parser.add_argument("--count", type=int, default=1, help="1 to 4 pictures, of seeds in a row")
    parser.add_argument(
        "--segment",
        nargs="*",
        metavar="PHRASE",
        help="what to find in them; without a phrase the things that the prompt names",
    )
    parser.add_argument(
        "--exact", action="store_true", help="read the features anew for each phrase, in more time"
    )
    add_masks(parser)
    add_models(parser)
    add_output_folder(parser)
    parser.add_argument("--json", action="store_true", help="print generation.json")
    parser.set_defaults(positional=("prompt",))


def run(arguments: argparse.Namespace) -> None:
    """Draw and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_threshold(arguments.threshold)
    if not 1 <= arguments.count <= MAX_COUNT:
        raise ValueError(f"Draw 1 to {MAX_COUNT} pictures at a time; got {arguments.count}.")
    arguments.prompt = clean_text(arguments.prompt)
    arguments.negative = clean_text(arguments.negative)
    phrases = _phrases(arguments)
    check_output_folder(arguments.output)

    # Imported here: they take seconds, which a mistyped option or path need not wait for.
    from ldznet.backbone import generate
    from ldznet.checkpoints.hub import name_source
    from ldznet.pipeline import Segmenter

    if phrases:
        names = None if arguments.network == "all" else [arguments.network]
        segmenter = open_segmenter(arguments, names)
    else:
        segmenter = Segmenter(open_backbone(arguments), {})
    unknown = {
        text: segmenter.backbone.unknown_words(text) for text in (arguments.prompt, *phrases)
    }
    with whole_folder(arguments.output) as folder:
        pictures = []
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            generation = generate(
                segmenter.backbone,
                arguments.prompt,
                negative_prompt=arguments.negative,
                steps=arguments.steps,
                guidance=arguments.guidance,
                seed=seed,
            )
            inside = folder / f"seed-{seed}"
            inside.mkdir()
            pictures.append(_write(inside, segmenter, generation, phrases, arguments))
        report = {
            "prompt": arguments.prompt,
            "negative_prompt": arguments.negative,
            "steps": arguments.steps,
            "guidance": arguments.guidance,
            "backbone": name_source(arguments.backbone),
            "threshold": arguments.threshold,
            "unknown_words": {text: words for text, words in unknown.items() if words},
            "pictures": pictures,
        }
        text = write_result(folder / "generation.json", command_line(arguments), report)
    print(text if arguments.json else _summary(report, arguments.output))


def _phrases(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What to find: the phrases given, those of the prompt, or none if no masks are wanted."""
    if arguments.segment is None:
        if arguments.exact:
            raise ValueError("--exact is about masks; say what to find with --segment.")
        return ()
    phrases = arguments.segment or noun_phrases(arguments.prompt)
    if not phrases:
        raise ValueError("The prompt names nothing to segment; write phrases after --segment.")
    return check_phrases(phrases)


def _write(
    folder: Path,
    segmenter: "Segmenter",
    generation: "Generation",
    phrases: tuple[str, ...],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Write one picture and its masks into its folder; returns a report on them."""
    from ldznet.results.masks import PROBABILITIES, write_network, write_probabilities

    Image.fromarray(generation.image).save(folder / PICTURE)
    report: dict[str, Any] = {
        "folder": folder.name,
        "image": PICTURE,
        "seed": generation.seed,
        "feature_timestep": generation.feature_timestep,
    }
    if not phrases:
        return report
    reuse = not arguments.exact and bool(generation.features)
    segmentations = segmenter.compare_generated(generation, phrases, reuse=reuse)
    segmentations = {name: each.at(arguments.threshold) for name, each in segmentations.items()}
    write_probabilities(folder, segmentations)
    return report | {
        "features": "reused" if reuse else "read anew for each phrase",
        "probabilities": PROBABILITIES,
        "networks": {name: write_network(folder, each) for name, each in segmentations.items()},
    }


def _summary(report: Mapping[str, Any], output: Path) -> str:
    lines = [f"Written to {output}"]
    lines += [
        f"'{text}': the backbone does not know {', '.join(words)}"
        for text, words in report["unknown_words"].items()
    ]
    for picture in report["pictures"]:
        lines.append(f"{picture['folder']}/{picture['image']}")
        for network in picture.get("networks", {}).values():
            for row in network["phrases"]:
                where = f"{picture['folder']}/{row['mask']}"
                lines.append(f"{where}  {row['area']} pixels, score {row['score']:.2f}")
    return "\n".join(lines)
