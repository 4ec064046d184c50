"""`ldznet segment`: phrases found in an image, written as files."""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ldznet.images import read_image
from ldznet.phrases import check_phrases

SUMMARY = "Segment phrases in an image; write masks, overlays and probabilities."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet segment`."""
    parser.add_argument("image", metavar="IMAGE", type=Path)
    parser.add_argument("phrases", metavar="PHRASE", nargs="+", help='what to find: "the red ball"')
    parser.add_argument("--network", default="ldznet", help="rgbnet, znet, ldznet or all")
    parser.add_argument("--threshold", type=float, default=0.5, help="probability, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="of the noise added to the latents")
    parser.add_argument("--timestep", type=int, default=400, help="0 to 999; how much noise")
    parser.add_argument("--backbone", default="pocket", help="pocket, a folder, or a hub id")
    parser.add_argument("--networks", type=Path, help="folder of networks trained on the backbone")
    parser.add_argument("--output", type=Path, required=True, help="new or empty folder")
    parser.add_argument("--json", action="store_true", help="print segmentation.json")


def run(arguments: argparse.Namespace) -> None:
    """Segment and write; raises ValueError with one sentence, and then leaves nothing behind."""
    if not 0 <= arguments.threshold <= 1:
        raise ValueError(f"The threshold is a probability, 0 to 1; got {arguments.threshold}.")
    phrases = check_phrases(arguments.phrases)
    _check_output(arguments.output)
    image = read_image(arguments.image)

    # Imported here: it takes seconds, which a mistyped option or path need not wait for.
    from ldznet.export import PROBABILITIES, write_network, write_probabilities
    from ldznet.pipeline import Segmenter

    names = None if arguments.network == "all" else [arguments.network]
    segmenter = Segmenter.from_pretrained(
        arguments.backbone, networks=arguments.networks, names=names
    )
    found = segmenter.compare(image, phrases, seed=arguments.seed, timestep=arguments.timestep)
    found = {name: each.at(arguments.threshold) for name, each in found.items()}
    unknown = {phrase: segmenter.backbone.unknown_words(phrase) for phrase in phrases}
    with _whole(arguments.output) as folder:
        report = {
            "image": arguments.image.name,
            "width": image.width,
            "height": image.height,
            "backbone": arguments.backbone,
            "threshold": arguments.threshold,
            "seed": arguments.seed,
            "timestep": arguments.timestep,
            "unknown_words": {phrase: words for phrase, words in unknown.items() if words},
            "probabilities": PROBABILITIES,
            "networks": {name: write_network(folder, each) for name, each in found.items()},
        }
        write_probabilities(folder, found)
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
        (folder / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    print(text if arguments.json else _summary(report, arguments.output))


def _check_output(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output '{output}' is a file; name a folder.")
    if output.is_dir() and any(output.iterdir()):
        raise ValueError(f"The output folder '{output}' is not empty; name a new one.")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"The folder to hold the output '{output}' does not exist; make it first.")


@contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """A scratch folder that becomes `output` at the end; on failure nothing of it is left."""
    output = output.absolute()
    with tempfile.TemporaryDirectory(prefix=".ldznet-", dir=output.parent) as scratch:
        folder = Path(scratch) / "output"
        folder.mkdir()
        yield folder
        if output.exists():
            output.rmdir()
        folder.rename(output)


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
            lines.append(f"{name:7} {row['phrase']}: {what}")
    return "\n".join(lines)
