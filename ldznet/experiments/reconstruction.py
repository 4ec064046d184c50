"""How much of a picture the first stage brings back: the PSNR of drawn scenes, decoded again."""

import argparse
from pathlib import Path
from statistics import fmean

from ldznet.data.shapes import SPLITS, STYLES, draw_scene
from ldznet.inspection import inspect_latent, subject_of_image
from ldznet.pipeline import Segmenter
from ldznet.results.options import add_backbone, add_result_file, open_backbone
from ldznet.results.records import check_result_path, command_line, write_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment reconstruction`."""
    parser.add_argument("--count", type=int, default=100, help="test scenes of each style")
    add_backbone(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    first, count = SPLITS["test"]
    if not 1 <= arguments.count <= count:
        raise ValueError(f"Measure on 1 to {count} scenes of each style (--count).")
    backbone = open_backbone(arguments)
    segmenter = Segmenter(backbone, {})
    psnr = {}
    for style in STYLES:
        pictures = (draw_scene(first + number, style).image for number in range(arguments.count))
        subjects = (subject_of_image(segmenter, picture) for picture in pictures)
        decibels = [inspect_latent(backbone, subject).psnr for subject in subjects]
        psnr[style] = {"mean": fmean(decibels), "least": min(decibels)}
        print(f"{style}: PSNR {psnr[style]['mean']:.1f} dB, at least {psnr[style]['least']:.1f}")
    result = {
        "backbone": Path(arguments.backbone).name,
        "scenes": arguments.count,
        "seeds": f"test scenes from {first} on; no noise",
        "psnr": psnr,
    }
    write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")
