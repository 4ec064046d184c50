"""The About tab: what this is, how to read it, what it cannot do, and how to cite it."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr

from ldznet.networks import NETWORKS
from ldznet.pipeline import ASSETS
from ldznet.ui.components import html
from ldznet.ui.markup import TERMS, Markup, element, markup, with_terms
from ldznet.ui.models import Models
from ldznet.ui.state import Desk

PAPER = "https://arxiv.org/abs/2303.12343"
OFFICIAL_CODE = "https://github.com/koutilya-pnvr/LD-ZNet"
CITATION = """\
@inproceedings{pnvr2023ldznet,
  title     = {LD-ZNet: A Latent Diffusion Approach for Text-Based Image Segmentation},
  author    = {PNVR, Koutilya and Singh, Bharat and Ghosh, Pallabi and Siddiquie, Behjat
               and Jacobs, David},
  booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision (ICCV)},
  year      = {2023}
}
"""

TEXT = Path(__file__).with_name("about.html")
STUDY = ASSETS / "benchmarks" / "study.json"
# The rows of the study's table: a heading, and the set and measure that it shows.
ROWS = {
    "photo": ("photo", "mean_iou"),
    "unseen styles": ("unseen styles", "mean_iou"),
    "novel category": ("novel", "mean_iou of novel category"),
    "novel pair": ("novel", "mean_iou of novel pair"),
    "redrawn": ("redrawn", "mean_iou"),
    "imagined": ("imagined", "mean_iou"),
    "false alarm": ("absent", "false_alarm"),
}


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    html(draw_text())
    gr.Code(
        CITATION,
        language=None,
        label="BibTeX",
        interactive=False,
        show_line_numbers=False,
        elem_classes="about",
        buttons=["copy"],
    )


def draw_text() -> str:
    """The tab's text, with the study's table and the words of the page."""
    words = [[element("dt", word), element("dd", text)] for word, text in TERMS.items()]
    text = Template(TEXT.read_text(encoding="utf-8"))
    return text.substitute(
        paper=PAPER, code=OFFICIAL_CODE, measured=draw_measured(), words=markup(words)
    )


def draw_measured(path: Path = STUDY) -> Markup:
    """A section with the networks' scores at the most masks; empty where nothing was measured."""
    if not path.exists():
        return Markup()
    groups = json.loads(path.read_text(encoding="utf-8"))["parts"]["main"]
    masks = max(group["trial"]["masks"] for group in groups)
    groups = [group for group in groups if group["trial"]["masks"] == masks]
    titles = [NETWORKS[group["trial"]["network"]].title for group in groups]
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            [element("td", _score(group["scores"], *which)) for group in groups],
        )
        for name, which in ROWS.items()
    ]
    heads = element("td"), [element("th", title, scope="col") for title in titles]
    return markup(
        element("h2", "What was measured"),
        element(
            "p",
            with_terms(
                "The paper's claim is that each network beats the one to its left, most of all on "
                "pictures unlike those with masks. In pocket's world, with masks of "
                f"{masks:,} scenes, all in the photo style, {len(groups[0]['trial']['seed'])} "
                "trainings of each network score so: mean {IoU} in per cent, ± the standard "
                "deviation."
            ),
        ),
        element(
            "table",
            element("thead", element("tr", heads)),
            element("tbody", rows),
            class_="measured",
        ),
        element(
            "p",
            "The unseen styles are the five without masks. The novel things are a category, and "
            "pairs of category and colour, that no mask showed. Redrawn and imagined pictures are "
            "pocket's own. The false alarm is the part of a picture painted for things that are "
            "not there; there less is better. How this was measured, what else was, and what did "
            "not come out as hoped, stands in docs/pocket.md.",
        ),
    )


def _score(scores: Mapping[str, Any], name: str, measure: str) -> str:
    """A group's score in per cent, with the spread over its seeds where it has several."""
    score = scores.get(name, {}).get(measure)
    if score is None:  # such as a generated set of which nothing was kept
        return "–"
    spread = "" if score["spread"] is None else f" ± {100 * score['spread']:.1f}"
    return f"{100 * score['mean']:.1f}{spread}"
