"""Chooses the limit beyond which a picture is foreign to pocket.

The limit is what 98 % of drawn test scenes stay under. Photographs, screenshots and logos that come
with Gradio show how often it catches a foreign picture; they are few, so that share
is rough.
"""

import argparse
import json
from pathlib import Path

import gradio
import numpy as np

from ldznet.data.shapes import STYLES, draw_scene
from ldznet.pipeline import Segmenter
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result

SCENES = 100  # of each style
SHARE = 98  # per cent of the drawn scenes that pass
FOREIGN = Path(gradio.__file__).parent / "media_assets" / "images"
PICTURES = {".jpg", ".jpeg", ".png", ".gif"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment world`."""
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    result = measure(Segmenter.from_pretrained("pocket"))
    write_result(arguments.output, command_line(arguments), result)
    print(json.dumps(result, indent=2))


def measure(segmenter: Segmenter) -> dict:
    """The limit, and how often it errs on drawn scenes and on foreign pictures."""
    drawn = [
        segmenter.reconstruction_error(draw_scene(number, style, "full").image)
        for style in STYLES
        for number in range(SCENES)
    ]
    limit = round(float(np.percentile(drawn, SHARE)), 3)
    files = sorted(FOREIGN.iterdir())
    foreign = {
        path.name: round(segmenter.reconstruction_error(path), 4)
        for path in files
        if path.suffix in PICTURES
    }
    return {
        "limit": limit,
        "drawn_scenes": len(drawn),
        "seeds": "test scenes from 0 on; no noise",
        "drawn_scenes_called_foreign": float(np.mean(np.array(drawn) > limit)),
        "foreign_pictures": len(foreign),
        "foreign_pictures_missed": float(np.mean(np.array(list(foreign.values())) <= limit)),
        "foreign_errors": foreign,
    }
