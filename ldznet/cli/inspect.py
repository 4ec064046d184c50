"""`ldznet inspect`: what the diffusion model and LD-ZNet do with a picture, written as files."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldznet.images import read_image
from ldznet.phrases import clean_text
from ldznet.results.options import add_models, add_output_folder, open_segmenter
from ldznet.results.records import (
    check_output_folder,
    command_line,
    whole_folder,
    write_result,
)

if TYPE_CHECKING:
    from ldznet.inspection import Subject
    from ldznet.pipeline import Segmenter
    from ldznet.results.plates import Plate

SUMMARY = "Look inside the models at an image; write figures and raw arrays."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet inspect`."""
    parser.add_argument("image", metavar="IMAGE", type=Path)
    parser.add_argument("phrase", metavar="PHRASE", help='what to look for: "the red ball"')
    parser.add_argument("--timestep", type=int, help="0 to 999; how much noise")
    parser.add_argument("--seed", type=int, default=0, help="of the noise added to the latents")
    parser.add_argument(
        "--blocks", type=int, nargs="+", metavar="BLOCK", help="1 to 16, of the word maps"
    )
    parser.add_argument("--block", type=int, help="1 to 16, of the point's self-attention")
    parser.add_argument("--fusion-block", type=int, help="6 to 10, of LD-ZNet's feature attention")
    parser.add_argument("--feature-block", type=int, help="1 to 16, of features over timesteps")
    parser.add_argument(
        "--point",
        type=int,
        nargs=2,
        metavar=("X", "Y"),
        help="a pixel of the image, from its upper left corner; the middle if not given",
    )
    add_models(parser)
    add_output_folder(parser)
    parser.add_argument("--json", action="store_true", help="print inspection.json")
    parser.set_defaults(positional=("image", "phrase"))


def run(arguments: argparse.Namespace) -> None:
    """Look inside and write; raises ValueError in one sentence, and then leaves nothing behind."""
    phrase = clean_text(arguments.phrase)
    check_output_folder(arguments.output)
    image = read_image(arguments.image)
    pixel = arguments.point or (image.width // 2, image.height // 2)
    _check_pixel(pixel, image.size)

    # Imported here: it takes seconds, which a mistyped option or path need not wait for.
    from ldznet.inspection import subject_of_image
    from ldznet.pipeline import POCKET

    # Of a backbone without networks there is still everything to see but what LD-ZNet reads.
    has_networks = arguments.networks or arguments.backbone == POCKET
    segmenter = open_segmenter(arguments, ["ldznet"] if has_networks else None)
    subject = subject_of_image(segmenter, image)
    point = segmenter.frame(*image.size).locate(pixel, image.size)
    plates = _look(segmenter, subject, phrase, point, arguments)
    with whole_folder(arguments.output) as folder:
        for name, plate in plates.items():
            (folder / f"{name}.png").write_bytes(plate.png())
            (folder / f"{name}.npz").write_bytes(plate.npz())
        height, width = subject.image.shape[:2]
        report = {
            "image": arguments.image.name,
            "width": image.width,
            "height": image.height,
            "working_width": width,
            "working_height": height,
            "backbone": arguments.backbone,
            "phrase": phrase,
            "unknown_words": segmenter.backbone.unknown_words(phrase),
            "point": pixel,
            "plates": {name: plate.settings for name, plate in plates.items()},
        }
        text = write_result(folder / "inspection.json", command_line(arguments), report)
    print(text if arguments.json else _summary(report, arguments.output))


def _look(
    segmenter: "Segmenter",
    subject: "Subject",
    phrase: str,
    point: tuple[int, int],
    arguments: argparse.Namespace,
) -> "dict[str, Plate]":
    """Every plate by its file's name; what one pass can show comes from one pass."""
    from ldznet import inspection
    from ldznet.blocks import BLOCKS
    from ldznet.inspection import DEFAULT_FUSION_BLOCK, DEFAULT_POINT_BLOCK
    from ldznet.inspection.features import DEFAULT_FEATURE_BLOCK
    from ldznet.results import plates

    backbone = segmenter.backbone
    timestep = _given(arguments.timestep, inspection.DEFAULT_TIMESTEP)
    words = _given(arguments.blocks, inspection.DEFAULT_BLOCKS)
    block = _given(arguments.block, DEFAULT_POINT_BLOCK)
    fusion_block = _given(arguments.fusion_block, DEFAULT_FUSION_BLOCK)
    feature_block = _given(arguments.feature_block, DEFAULT_FEATURE_BLOCK)
    noise = {"timestep": timestep, "seed": arguments.seed}

    fusion = None
    if "ldznet" in segmenter.networks:
        network = inspection.run_network(segmenter, subject, phrase, **noise)
        fusion = inspection.fusion_point_of(network, *point, block=fusion_block)
    recording = inspection.run_unet(
        backbone, subject, phrase, features=BLOCKS, words=words, points=[block], **noise
    )
    attention = inspection.point_of(backbone, recording, *point, block=block)
    strip = inspection.features_over_timesteps(
        backbone, subject, phrase, block=feature_block, seed=arguments.seed
    )
    change = inspection.text_change(backbone, subject, phrase, **noise)
    return {
        "words": plates.words_plate(subject, inspection.words_of(recording)),
        "point": plates.point_plate(
            subject, phrase, *point, self_attention=attention, fusion=fusion
        ),
        "features-timesteps": plates.features_plate(subject, strip),
        "features-blocks": plates.features_plate(subject, inspection.colours_of_blocks(recording)),
        "text-change": plates.text_change_plate(subject, change, phrase, **noise),
        "latent": plates.latent_plate(subject, inspection.inspect_latent(backbone, subject)),
    }


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value


def _check_pixel(pixel: tuple[int, int], size: tuple[int, int]) -> None:
    (x, y), (width, height) = pixel, size
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(
            f"The point ({x}, {y}) is outside the image; x goes from 0 to {width - 1} and y from 0 "
            f"to {height - 1}."
        )


def _summary(report: Mapping[str, Any], output: Path) -> str:
    lines = [f"Written to {output}"]
    if report["unknown_words"]:
        unknown = ", ".join(report["unknown_words"])
        lines.append(f"'{report['phrase']}': the backbone does not know {unknown}")
    lines += [f"{name}.png, {name}.npz" for name in report["plates"]]
    return "\n".join(lines)
