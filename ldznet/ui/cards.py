"""The networks' cards, their agreement and the settings line, as HTML."""

from collections.abc import Mapping
from html import escape

import numpy as np

from ldznet.figures.maps import draw_colour_bar
from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, NETWORK_COLOURS
from ldznet.metrics import iou
from ldznet.types import Segmentation
from ldznet.ui.comparison import Comparison
from ldznet.ui.look import VIEWS, Look
from ldznet.ui.pictures import colours_of, draw_agreement, draw_view, photo_uri, png_uri
from ldznet.ui.widgets import swatch, term

READS = {
    "rgbnet": "reads the pixels",
    "znet": f"reads the {term('latent')}",
    "ldznet": f"reads {term('latent')} and {term('features')}",
}


def draw_cards(
    comparison: Comparison, look: Look, titles: dict[str, str], reads: Mapping[str, str] = READS
) -> str:
    """A card per network: its picture in the look's view and its numbers per phrase shown.

    `reads` says for people what each network reads.
    """
    found = comparison.at(look.threshold, look.phrases)
    base = photo_uri(comparison.picture.image)
    cards = (
        _card(each, comparison, look, titles[name], reads[name], base)
        for name, each in found.items()
    )
    return f'<div class="cards">{"".join(cards)}</div>{draw_legend(look)}'


def _card(
    found: Segmentation, comparison: Comparison, look: Look, title: str, reads: str, base: str
) -> str:
    truths = [comparison.picture.truth.get(phrase) for phrase in found.phrases]
    colours = colours_of(comparison, look)
    layer = draw_view(found, truths, colours, look)
    label = f"{title}, {VIEWS[look.view].lower()} of {', '.join(found.phrases) or 'no phrase'}"
    rows = "".join(
        _row(found, number, truth, colours[number]) for number, truth in enumerate(truths)
    )
    return f"""
<figure class="card {found.network}" style="--own:{NETWORK_COLOURS[found.network]}">
  <figcaption><strong>{escape(title)}</strong>
    <span class="time">{round(found.seconds * 1000)} ms</span>
    <span class="reads">{reads}</span></figcaption>
  {draw_stage(comparison.picture.image, base, layer, look, label)}
  <table><thead><tr><th scope="col">phrase</th><th scope="col">{term("score")}</th>
    <th scope="col">area</th><th scope="col">{term("IoU")}</th></tr></thead>
    <tbody>{rows}</tbody></table>
</figure>"""


def draw_stage(
    image: np.ndarray, base: str, layer: np.ndarray | None, look: Look, label: str
) -> str:
    """The picture area, as wide as its card and of the picture's shape; it never jumps.

    A layer lies over the picture `base` (a URI), but for one that is a whole picture itself.
    """
    below, above = f'<img class="base {look.view}" src="{base}" alt="">', ""
    if layer is not None:
        above = f'<img class="layer {look.view}" src="{png_uri(layer)}" alt="">'
        if layer.shape[-1] == 3 or look.view == "cutout":
            below = ""
    elif look.view == "errors":
        above = '<p class="veil">No true mask is known for what is shown.</p>'
    return (
        f'<div class="stage" role="img" aria-label="{escape(label)}" style="{_shape(image)}">'
        f"{below}{above}</div>"
    )


def _shape(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"aspect-ratio:{min(max(width / height, 0.75), 2):.3f}"


def _row(found: Segmentation, number: int, truth: np.ndarray | None, colour: str) -> str:
    phrase, mask = found.phrases[number], found.mask[number]
    head = f'<th scope="row">{swatch(colour)}{escape(phrase)}</th>'
    if not mask.any():
        said = say_nothing(found, number)
        if truth is not None and not truth.any():
            said += " Rightly so: there is none."
        return f'<tr>{head}<td class="nothing" colspan="3">{escape(said)}</td></tr>'
    overlap = "–" if truth is None else f"{iou(mask, truth):.2f}"
    area = f"{mask.mean():.1%}".replace("%", " %")
    return f"<tr>{head}<td>{found.score[number]:.2f}</td><td>{area}</td><td>{overlap}</td></tr>"


def say_nothing(found: Segmentation, number: int) -> str:
    """The plain sentence for an empty mask."""
    highest = float(found.probability[number].max())
    return (
        f"No pixel above {found.threshold:.2f} for '{found.phrases[number]}'; "
        f"highest {highest:.2f}."
    )


def draw_legend(look: Look) -> str:
    """What the colours of a view mean; a line of fixed height, so that nothing jumps."""
    said = {
        "overlay": "Each phrase has its colour; the outline is the mask's edge.",
        "mask": "Found pixels in their phrase's colour.",
        "contour": "The edge of what is found, the picture left free.",
        "cutout": "What is found; the rest is transparent, also in the downloads.",
        "errors": f'<span class="hatch rising" style="--own:{MISSED}"></span>missed '
        f'<span class="hatch falling" style="--own:{FALSE}"></span>falsely found; '
        "found rightly where the picture is bright",
        "heat": f'<span class="bar"><i style="left:{look.threshold:.0%}"></i>'
        f'<img src="{png_uri(draw_colour_bar(256))}" alt=""></span>'
        "probability 0 to 1, the highest of the phrases shown; the mark is the threshold",
    }
    return f'<p class="legend">{said[look.view]}</p>'


def draw_agreement_card(comparison: Comparison, look: Look, titles: dict[str, str]) -> str:
    """Where the networks agree, with every pair's IoU over the phrases shown."""
    found = comparison.at(look.threshold, look.phrases)
    image = comparison.picture.image
    layer = draw_agreement(found) if next(iter(found.values())).phrases else None
    stage = draw_stage(image, photo_uri(image), layer, Look("errors"), "where the networks agree")
    keys = "".join(
        f"<li>{swatch(NETWORK_COLOURS[name])}only {escape(titles[name])}</li>" for name in found
    )
    pairs = "".join(
        _pair(one, other, titles)
        for number, one in enumerate(found.values())
        for other in list(found.values())[number + 1 :]
    )
    return f"""
<div class="agreement">{stage}
  <div><ul class="keys"><li>{swatch(ALL_AGREE)}all agree</li>{keys}
    <li>stripes: two of them</li></ul>
  <table><thead><tr><th scope="col">pair</th><th scope="col" colspan="2">{term("IoU")}</th></tr>
  </thead><tbody>{pairs}</tbody></table></div>
</div>"""


def _pair(one: Segmentation, other: Segmentation, titles: dict[str, str]) -> str:
    value = iou(one.mask, other.mask)
    said = "both empty" if value is None else f"{value:.2f}"
    return (
        f'<tr><th scope="row">{escape(titles[one.network])} · {escape(titles[other.network])}</th>'
        f'<td class="meter"><i style="width:{value or 0:.0%}"></i></td><td>{said}</td></tr>'
    )


def draw_settings(comparison: Comparison, look: Look) -> str:
    """One line that makes a screenshot reproducible."""
    settings = comparison.settings
    height, width = comparison.picture.image.shape[:2]
    items = [
        escape(comparison.picture.about),
        f"{width} × {height}",
        f"backbone {escape(settings.backbone)}",
        f"{term('timestep')} {settings.timestep}",
        f"{term('seed')} {settings.seed}",
        f"{term('threshold')} {look.threshold:.2f}",
    ]
    if settings.template != "{}":
        items.append(f"template “{escape(settings.template)}”")
    return f'<p class="settings">{" · ".join(items)}</p>'
