"""Results as HTML: the cards, the pictures in them, and the strip of examples."""

import io
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from PIL import Image

from ldznet.figures.palette import FALSE, MISSED, NETWORK_COLOURS, phrase_colours
from ldznet.figures.pictures import (
    agreement_layer,
    composite,
    contour_layer,
    draw_colour_bar,
    draw_cutout,
    draw_heat,
    draw_masks,
    enlarge,
    error_layer,
    overlay_layer,
)
from ldznet.metrics import iou
from ldznet.types import Segmentation
from ldznet.ui.examples import Example
from ldznet.ui.markup import swatch, term
from ldznet.ui.state import OWN, VIEWS, Comparison, Look, shown

READS = {
    "rgbnet": "reads the pixels",
    "znet": f"reads the {term('latent')}",
    "ldznet": f"reads {term('latent')} and {term('features')}",
    "attention": f"untrained, reads the {term('cross-attention')}",
    "clipseg": "reads the pixels with CLIP, not with diffusion",
    OWN: "given by you, from anywhere",
}


def draw_cards(
    comparison: Comparison,
    look: Look,
    titles: Mapping[str, str],
    reads: Mapping[str, str] = READS,
    absent: Mapping[str, str] | None = None,
) -> str:
    """A card per network shown: its picture in the look's view and its numbers per phrase shown.

    `reads` says for people what each network reads. `absent` holds, as HTML, what stands in the
    place of the pictures of those without a result.
    """
    absent = absent or {}
    found = comparison.at(look.threshold, look.phrases, look.columns)
    names = found if look.columns is None else look.columns
    base = photo_uri(comparison.picture.image)
    cards = "".join(
        _empty_card(name, comparison.picture.image, titles[name], reads[name], absent[name])
        if name in absent
        else _card(found[name], comparison, look, titles[name], reads[name], base)
        for name in names
    )
    cards = cards or '<p class="message note" role="status">Choose a column above.</p>'
    return f'<div class="cards">{cards}</div>{draw_legend(look)}'


def _empty_card(name: str, image: np.ndarray, title: str, reads: str, said: str) -> str:
    return f"""
<figure class="card {name}" style="--own:{NETWORK_COLOURS[name]}">
  {_caption(title, "", reads)}
  <div class="stage absent" style="{_shape(image)}">{said}</div>
</figure>"""


def _caption(title: str, time: str, reads: str) -> str:
    return f"""<figcaption><strong>{escape(title)}</strong>
    <span class="time">{time}</span>
    <span class="reads">{reads}</span></figcaption>"""


def _card(
    found: Segmentation,
    comparison: Comparison,
    look: Look,
    title: str,
    reads: str,
    base: str,
) -> str:
    truths = [comparison.picture.truth.get(phrase) for phrase in found.phrases]
    colours = colours_of(comparison, look)
    layer = draw_view(found, truths, [colours[phrase] for phrase in found.phrases], look)
    label = f"{title}, {VIEWS[look.view].lower()} of {', '.join(found.phrases) or 'no phrase'}"
    rows = "".join(
        _row(found, found.phrases.index(phrase), comparison.picture.truth.get(phrase), colour)
        if phrase in found.phrases
        else _row_without(phrase, colour, "No mask was given.")
        for phrase, colour in colours.items()
    )
    time = f"{round(found.seconds * 1000)} ms" if found.seconds else ""
    return f"""
<figure class="card {found.network}" style="--own:{NETWORK_COLOURS[found.network]}">
  {_caption(title, time, reads)}
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
    if not mask.any():
        said = say_nothing(found, number)
        if truth is not None and not truth.any():
            said += " Rightly so: there is none."
        return _row_without(phrase, colour, said)
    overlap = "–" if truth is None else f"{iou(mask, truth):.2f}"
    area = f"{mask.mean():.1%}".replace("%", " %")
    numbers = f"<td>{found.score[number]:.2f}</td><td>{area}</td><td>{overlap}</td>"
    return f"<tr>{_head(phrase, colour)}{numbers}</tr>"


def _row_without(phrase: str, colour: str, said: str) -> str:
    return f'<tr>{_head(phrase, colour)}<td class="nothing" colspan="3">{escape(said)}</td></tr>'


def _head(phrase: str, colour: str) -> str:
    return f'<th scope="row">{swatch(colour)}{escape(phrase)}</th>'


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


# Longest side of a drawn layer: more than a card is wide, quick to draw and to send.
SIDE = 512
OUTLINE = 3  # pixels of a layer, about two on the screen


def colours_of(comparison: Comparison, look: Look) -> dict[str, str]:
    """The colour of each phrase shown; a hidden phrase leaves the others theirs."""
    order = comparison.phrases if look.order is None else look.order
    own = dict(zip(order, phrase_colours(len(order)), strict=True))
    return {phrase: own[phrase] for phrase in comparison.phrases if shown(phrase, look.phrases)}


def draw_view(
    found: Segmentation, truths: Sequence[np.ndarray | None], colours: Sequence[str], look: Look
) -> np.ndarray | None:
    """One network's layer (RGBA) or whole picture (RGB) in the look's view.

    None where there is nothing to draw: no phrase is shown, or errors without a truth.
    """
    if not found.phrases:
        return None
    masks, scale = fit(found.mask)
    if look.view == "mask":
        return draw_masks(masks, colours, scale)
    if look.view == "heat":
        return draw_heat(found.probability.max(axis=0))
    if look.view == "contour":
        return contour_layer(masks, colours, scale, OUTLINE)
    if look.view == "cutout":
        mask = enlarge(union(masks), scale)
        return draw_cutout(_resized(found.image, *mask.shape), mask)
    if look.view == "errors":
        known = [number for number, truth in enumerate(truths) if truth is not None]
        if not known:
            return None
        truth = fit(np.stack([truth for truth in truths if truth is not None]))[0]
        return error_layer(union(masks[known]), union(truth), scale)
    return overlay_layer(masks, colours, look.opacity, scale, OUTLINE)


def draw_agreement(found: dict[str, Segmentation]) -> np.ndarray:
    """The networks' agreement (RGBA) over all phrases of the segmentations together."""
    fitted = {name: fit(each.mask) for name, each in found.items()}
    scale = max(scale for _, scale in fitted.values())
    return agreement_layer({name: union(mask) for name, (mask, _) in fitted.items()}, scale)


def draw_large(image: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: a layer over its picture, which is brought smoothly to the layer's size."""
    return composite(_resized(image, *layer.shape[:2]), layer)


def _resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8, smoothly."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def union(masks: np.ndarray) -> np.ndarray:
    """(H, W) bool: where any of the masks (P, H, W) is."""
    return np.logical_or.reduce(masks)


def fit(masks: np.ndarray) -> tuple[np.ndarray, int]:
    """Masks (..., H, W) thinned to at most SIDE, and the whole factor that brings them near it."""
    longest = max(masks.shape[-2:])
    step = -(-longest // SIDE)
    return masks[..., ::step, ::step], max(1, SIDE // longest)


def png_uri(array: np.ndarray) -> str:
    """A uint8 array (H, W[, 3 or 4]) as a lossless data URI."""
    return _uri(Image.fromarray(array), "PNG", compress_level=1)


def photo_uri(image: np.ndarray, side: int = SIDE) -> str:
    """A picture (H, W, 3) uint8 for the page, at most so large: exact if small, else WebP."""
    picture = Image.fromarray(image)
    if max(picture.size) <= side:
        return _uri(picture, "PNG")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _uri(picture, "WEBP", quality=90)


def _uri(picture: Image.Image, kind: str, **options: int) -> str:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return f"data:image/{kind.lower()};base64,{b64encode(file.getvalue()).decode()}"


def draw_gallery(examples: Sequence[Example], side: int = SIDE) -> str:
    """A button per example, which picks its place in the list; pictures at most `side` large."""
    items = "".join(_item(place, example, side) for place, example in enumerate(examples))
    return f'<div class="gallery">{items}</div>'


def _item(place: int, example: Example, side: int) -> str:
    phrases = example.comparison.phrases
    named = "".join(
        f"<span>{swatch(colour)}{escape(phrase)}</span>"
        for phrase, colour in zip(phrases, phrase_colours(len(phrases)), strict=True)
    )
    picture = photo_uri(example.comparison.picture.image, side)
    return (
        f'<button type="button" data-pick="{place}"><img src="{picture}" alt="">'
        f"<strong>{escape(example.title)}</strong>{named}</button>"
    )
