"""The About tab: what this is, how to read it, what it cannot do, and how to cite it."""

import json
from html import escape
from pathlib import Path

import gradio as gr

from ldznet.experiments.report import MAIN, cells, largest, titles
from ldznet.pipeline import ASSETS
from ldznet.ui.components import html
from ldznet.ui.markup import TERMS, term
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

_WORDS = "".join(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in TERMS.items())


def _draw_text() -> str:
    return f"""
<article class="about">
<h2>What this is</h2>
<p>You name things in words, and each of three networks marks the pixels it takes for them. The
networks have the same shape and differ in what they read. <b>RGBNet</b> reads the pixels.
<b>ZNet</b> reads the latent, the small grid into which a diffusion model packs a picture.
<b>LD-ZNet</b> reads the latent and, besides, what the diffusion model computes inside while it
looks at the noised picture together with your words. The idea is that a model that has learnt to
draw from words knows where in a picture their things are. Two rivals can stand beside them:
<b>Attention</b> takes what the diffusion model's own attention says, without any training, and
<b>CLIPSeg</b> is a model of other people that needs no diffusion.
It is the method of <a href="{PAPER}">LD-ZNet</a> (ICCV 2023); the authors' own code is
<a href="{OFFICIAL_CODE}">here</a>.</p>
<h2>How to read the page</h2>
<dl>
<dt>Overlay, mask, contours</dt><dd>Pixels whose probability is above the threshold, each phrase in
its own colour.</dd>
<dt>Heat map</dt><dd>The probability itself, before any threshold. Of several phrases the highest is
shown; untick phrases to see one alone.</dd>
<dt>Errors</dt><dd>Against the true mask, where one is known: rising strokes are missed, falling
strokes falsely found.</dd>
<dt>Where the columns agree</dt><dd>White where all say yes, a column's own colour where it is
alone, stripes where some agree. Below it is how much every pair overlaps.</dd>
<dt>Time</dt><dd>A network's own pass, and where it reads inside the diffusion model also that
reading. Encoding picture and words is done once for all and not counted.</dd>
</dl>
<h2>What it cannot do</h2>
<p>The backbone that the page begins with, <b>pocket</b>, is a miniature of Stable Diffusion's
shape, small enough for a processor without a graphics card. It was trained from nothing on drawn
scenes of 128 × 128 pixels and knows only their world: their things, nine colours, two sizes, and
where things stand. A photograph is foreign to it. The networks saw true masks in the photo style
only; how they do in the other styles is part of what the page lets you find out. One picture proves
nothing about which network is better; the scores over many follow.</p>
{draw_measured()}
<h2>Other backbones</h2>
<p>At the head of the page Stable Diffusion can be chosen in pocket's place: its weights are fetched
once, several gigabytes, and it wants a graphics card or patience. It draws and can be looked into
at once, and Attention answers. The networks need weights trained for it; where there are none, they
say how to get them. Every result names the backbone that made it, and keeps it when another is
chosen. Whoever runs the page on their own machine can also type a hub id, a folder of diffusers'
layout or a .safetensors file there, or set LDZNET_BACKBONE and LDZNET_NETWORKS before the
start.</p>
<h2>Words</h2>
<dl>{_WORDS}</dl>
<h2>Cite the paper</h2>
</article>
"""


def build(models: Models, desk: Desk) -> None:
    """Build the tab inside the app being built."""
    html(_draw_text())
    gr.Code(
        CITATION,
        language=None,
        label="BibTeX",
        interactive=False,
        show_line_numbers=False,
        elem_classes="about",
        buttons=["copy"],
    )


RESULT = ASSETS / "benchmarks" / "study.json"


def draw_measured(path: Path = RESULT) -> str:
    """A section with the networks' scores at the most masks; empty where nothing was measured."""
    if not path.exists():
        return ""
    groups = largest(json.loads(path.read_text(encoding="utf-8")))
    masks, seeds = groups[0]["trial"]["masks"], len(groups[0]["trial"]["seed"])
    heads = "".join(f'<th scope="col">{titles()[told["trial"]["network"]]}</th>' for told in groups)
    columns = [cells(told, MAIN) for told in groups]  # a score per set
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in scores)}</tr>'
        for name, scores in zip(MAIN, zip(*columns, strict=True), strict=True)
    )
    return f"""
<h2>What was measured</h2>
<p>The paper's claim is that each network beats the one to its left, most of all on pictures unlike
those with masks. In pocket's world, with masks of {masks:,} scenes, all in the photo style, {seeds}
trainings of each network score so: mean {term("IoU")} in per cent, ± the standard deviation.</p>
<table class="measured"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>
<p>The unseen styles are the five without masks. The novel things are a category, and pairs of
category and colour, that no mask showed. Redrawn and imagined pictures are pocket's own. The false
alarm is the part of a picture painted for things that are not there; there less is better. How this
was measured, what else was, and what did not come out as hoped, stands in docs/pocket.md.</p>"""
