"""Chooses the limit beyond which a picture is foreign to pocket.

The limit is what 98 % of drawn test scenes stay under. Photographs, screenshots and logos that come
with Gradio show how often it catches a foreign picture; they are few, so that share
is rough.
"""

import json
from pathlib import Path

import gradio
import numpy as np

from ldznet.data.shapes import STYLES, draw_scene
from ldznet.pipeline import ASSETS, Segmenter
from ldznet.results.provenance import origin

SCENES = 100  # of each style
SHARE = 98  # per cent of the drawn scenes that pass
RESULT = ASSETS / "benchmarks" / "world.json"
FOREIGN = Path(gradio.__file__).parent / "media_assets" / "images"
PICTURES = {".jpg", ".jpeg", ".png", ".gif"}


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


if __name__ == "__main__":
    head = origin("python -m ldznet.experiments.world")
    result = {**head, **measure(Segmenter.from_pretrained("pocket"))}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
