"""Reused features beside the exact path: masks, their overlap, and the time of both."""

from html import escape

from ldznet.figures.palette import FALSE, MISSED, NETWORK_COLOURS
from ldznet.figures.pictures import error_layer
from ldznet.metrics import iou
from ldznet.types import Segmentation
from ldznet.ui.cards import colours_of, draw_stage, draw_view, fit, photo_uri, union
from ldznet.ui.markup import swatch, term
from ldznet.ui.state import Look
from ldznet.ui.tabs.generate.session import Session


def draw_exact(session: Session, look: Look) -> str:
    """Both masks, where they differ, and a table; nothing before it was asked for."""
    if session.exact is None or session.found is None:
        return ""
    reused = session.found.at(look.threshold, look.phrases)["ldznet"]
    exact = session.exact.at(look.threshold, look.phrases)["ldznet"]
    colours = colours_of(session.found, look)
    if not reused.phrases:
        return '<p class="message note" role="status">Choose a word to compare the paths.</p>'
    image, base = reused.image, photo_uri(reused.image)

    def stage(found: Segmentation, label: str) -> str:
        layer = draw_view(found, [None] * len(found.phrases), list(colours.values()), look)
        return draw_stage(image, base, layer, look, label)

    here, scale = fit(reused.mask)
    there, _ = fit(exact.mask)
    differing = draw_stage(
        image, base, error_layer(union(here), union(there), scale), Look("errors"), "the difference"
    )
    panels = (
        ("Reused features", f"{_milliseconds(reused)}", stage(reused, "from reused features")),
        ("Exact path", f"{_milliseconds(exact)}", stage(exact, "by the exact path")),
        ("Where they differ", "", differing),
    )
    figures = "".join(
        f'<figure><figcaption><strong>{title}</strong><span class="time">{time}</span>'
        f"</figcaption>{drawn}</figure>"
        for title, time, drawn in panels
    )
    rows = "".join(
        _row(phrase, reused, exact, number, colours[phrase])
        for number, phrase in enumerate(reused.phrases)
    )
    return f"""
<section class="exact" style="--own:{NETWORK_COLOURS["ldznet"]}">
  <div class="trio">{figures}</div>
  <p class="legend"><span class="hatch rising" style="--own:{MISSED}"></span>only the exact path
    <span class="hatch falling" style="--own:{FALSE}"></span>only reused features</p>
  <table><thead><tr><th scope="col">phrase</th><th scope="col">{term("IoU")} of both</th>
    <th scope="col">reused area</th><th scope="col">exact area</th></tr></thead>
    <tbody>{rows}</tbody></table>
  <p class="legend">Reuse took {_milliseconds(reused)}, the exact path {_milliseconds(exact)}:
    {reused.seconds / exact.seconds:.2f} of its time.</p>
</section>"""


def _row(phrase: str, reused: Segmentation, exact: Segmentation, number: int, colour: str) -> str:
    masks = reused.mask[number], exact.mask[number]
    overlap = iou(*masks)
    said = "both empty" if overlap is None else f"{overlap:.2f}"
    areas = "".join(f"<td>{mask.mean() * 100:.1f} %</td>" for mask in masks)
    return f'<tr><th scope="row">{swatch(colour)}{escape(phrase)}</th><td>{said}</td>{areas}</tr>'


def _milliseconds(found: Segmentation) -> str:
    return f"{round(found.seconds * 1000)} ms"
