"""Results as HTML: the cards with their pictures, where they agree, and the strip of examples."""

import io
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np
from PIL import Image

from ldznet.figures.palette import ALL_AGREE, FALSE, MISSED, phrase_colours
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
from ldznet.ui.markup import Child, Markup, element, markup, message, swatch, term, with_terms
from ldznet.ui.state import VIEWS, Comparison, Look, all_columns, shown

# Longest side of a drawn layer: more than a card is wide, quick to draw and to send.
SIDE = 512
OUTLINE = 3  # pixels of a layer, about two on the screen

_LEGENDS = {
    "overlay": "Each phrase has its colour; the outline is the mask's edge.",
    "mask": "Found pixels in their phrase's colour.",
    "contour": "The edge of what is found, the picture left free.",
    "cutout": "What is found; the rest is transparent, also in the downloads.",
}


def draw_cards(
    comparison: Comparison,
    look: Look,
    absent: Mapping[str, Child] | None = None,
    reads: Mapping[str, str] | None = None,
) -> Markup:
    """A card per network shown: its picture in the look's view and its numbers per phrase shown.

    `absent` holds what stands in the place of the pictures of those without a result; `reads` what
    is said, in the place of their own words, of what networks read.
    """
    absent, reads = absent or {}, reads or {}
    segmentations = comparison.at(look.threshold, look.phrases, look.columns)
    base = photo_uri(comparison.picture.image)
    cards = []
    for name in segmentations if look.columns is None else look.columns:
        column, time, content = all_columns()[name], "", []
        if name in absent:
            style = _shape(comparison.picture.image)
            content = [element("div", absent[name], class_="stage absent", style=style)]
        else:
            each = segmentations[name]
            time = f"{round(each.seconds * 1000)} ms" if each.seconds else ""
            content = _fill_card(each, comparison, look, column.title, base)
        caption = element(
            "figcaption",
            element("strong", column.title),
            element("span", time, class_="time"),
            element("span", with_terms(reads.get(name, column.reads)), class_="reads"),
        )
        style = f"--own:{column.colour}"
        cards.append(element("figure", caption, content, class_=f"card {name}", style=style))
    return markup(
        element("div", cards or message("Choose a column above."), class_="cards"),
        draw_legend(look),
    )


def _fill_card(
    segmentation: Segmentation, comparison: Comparison, look: Look, title: str, base: str
) -> list[Markup]:
    """The picture of a card and its table."""
    phrases, truth = segmentation.phrases, comparison.picture.truth
    colours = colours_of(comparison, look)
    layer = draw_view(
        segmentation,
        [truth.get(each) for each in phrases],
        [colours[each] for each in phrases],
        look,
    )
    label = f"{title}, {VIEWS[look.view].lower()} of {', '.join(phrases) or 'no phrase'}"
    rows = [
        element("tr", head_cell(phrase, colour), _score(segmentation, phrase, truth.get(phrase)))
        for phrase, colour in colours.items()
    ]
    heads = ("phrase", term("score"), "area", term("IoU"))
    return [
        draw_stage(comparison.picture.image, base, layer, look, label),
        draw_table(heads, rows),
    ]


def _score(segmentation: Segmentation, phrase: str, truth: np.ndarray | None) -> list[Markup]:
    """The cells of a phrase's row: its numbers, or a sentence where there are none."""
    if phrase not in segmentation.phrases:
        return [element("td", "No mask was given.", class_="nothing", colspan=3)]
    number = segmentation.phrases.index(phrase)
    mask = segmentation.mask[number]
    if not mask.any():
        highest = float(segmentation.probability[number].max())
        text = f"No pixel above {segmentation.threshold:.2f} for '{phrase}'; highest {highest:.2f}."
        if truth is not None and not truth.any():
            text += " Rightly so: there is none."
        return [element("td", text, class_="nothing", colspan=3)]
    area = f"{mask.mean():.1%}".replace("%", " %")
    overlap = "–" if truth is None else f"{iou(mask, truth):.2f}"
    return [element("td", each) for each in (f"{segmentation.score[number]:.2f}", area, overlap)]


def draw_table(heads: Iterable[Child], rows: Iterable[Markup], class_: str | None = None) -> Markup:
    """A table of these heads and rows."""
    cells = [element("th", head, scope="col") for head in heads]
    return element(
        "table",
        element("thead", element("tr", cells)),
        element("tbody", rows),
        class_=class_,
    )


def head_cell(phrase: str, colour: str) -> Markup:
    """The head of a phrase's row."""
    return element("th", swatch(colour), phrase, scope="row")


def draw_stage(
    image: np.ndarray, base: str, layer: np.ndarray | None, look: Look, label: str
) -> Markup:
    """The picture area, as wide as its card and of the picture's shape; it never jumps.

    A layer lies over the picture `base` (a URI), but for one that is a whole picture itself.
    """
    below: Child = element("img", class_=f"base {look.view}", src=base, alt="")
    above: Child = None
    if layer is not None:
        above = element("img", class_=f"layer {look.view}", src=png_uri(layer), alt="")
        if layer.shape[-1] == 3 or look.view == "cutout":
            below = None
    elif look.view == "errors":
        above = element("p", "No true mask is known for what is shown.", class_="veil")
    return element(
        "div", below, above, class_="stage", role="img", aria_label=label, style=_shape(image)
    )


def _shape(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"aspect-ratio:{min(max(width / height, 0.75), 2):.3f}"


def hatch(direction: str, colour: str) -> Markup:
    """A key of the error map: "rising" or "falling" strokes."""
    return element("span", class_=f"hatch {direction}", style=f"--own:{colour}")


def draw_legend(look: Look) -> Markup:
    """What the colours of a view mean; a line of fixed height, so that nothing jumps."""
    legend: list[Child] = [_LEGENDS.get(look.view)]
    if look.view == "errors":
        legend = [hatch("rising", MISSED), "missed ", hatch("falling", FALSE)]
        legend.append("falsely found; found rightly where the picture is bright")
    if look.view == "heat":
        mark = element("i", style=f"left:{look.threshold:.0%}")
        bar = element("img", src=png_uri(draw_colour_bar(256)), alt="")
        legend = [element("span", mark, bar, class_="bar")]
        legend.append("probability 0 to 1, the highest of the phrases shown; ")
        legend.append("the mark is the threshold")
    return element("p", legend, class_="legend")


def draw_settings(items: Iterable[Child]) -> Markup:
    """One line that makes a screenshot reproducible."""
    first, *rest = items
    return element("p", first, [[" · ", each] for each in rest], class_="settings")


def describe_settings(comparison: Comparison, look: Look) -> Markup:
    """The settings line of a comparison."""
    settings = comparison.settings
    height, width = comparison.picture.image.shape[:2]
    items: list[Child] = [
        comparison.picture.about,
        f"{width} × {height}",
        f"backbone {settings.backbone}",
        markup(term("timestep"), f" {settings.timestep}"),
        markup(term("seed"), f" {settings.seed}"),
        markup(term("threshold"), f" {look.threshold:.2f}"),
    ]
    if settings.template != "{}":
        items.append(f"template “{settings.template}”")
    return draw_settings(items)


def find_agreeing(comparison: Comparison, look: Look) -> dict[str, Segmentation]:
    """The columns shown that have a result, of those phrases shown that all of them hold."""
    segmentations = comparison.at(look.threshold, look.phrases, look.columns)
    held = {name: set(each.phrases) for name, each in segmentations.items() if each.phrases}
    common = [each for each in comparison.phrases if all(each in own for own in held.values())]
    return comparison.at(look.threshold, common, list(held))


def draw_agreement_card(comparison: Comparison, look: Look) -> Markup:
    """Where the columns agree, with every pair's IoU over the phrases shown."""
    agreeing = find_agreeing(comparison, look)
    if len(agreeing) < 2:
        text = "Two columns with a result are needed to see where they agree."
        if look.phrases == ():
            text = "Choose a phrase above to see where the columns agree."
        return element("div", message(text), class_="agreement")
    image, titles = comparison.picture.image, all_columns()
    stage = draw_stage(
        image, photo_uri(image), draw_agreement(agreeing), Look("errors"), "where the columns agree"
    )
    keys = [element("li", swatch(ALL_AGREE), "all agree")]
    keys += [
        element("li", swatch(titles[name].colour), f"only {titles[name].title}")
        for name in agreeing
    ]
    if len(agreeing) > 2:
        some = "two" if len(agreeing) == 3 else "some"
        keys.append(element("li", f"stripes: {some} of them"))
    compared = next(iter(agreeing.values())).phrases
    chosen = comparison.phrases if look.phrases is None else look.phrases
    only: Child = None
    if len(compared) < len(chosen):
        text = ", ".join(f"'{phrase}'" for phrase in compared)
        text = f"Over {text} only, for which your own mask was given."
        only = element("p", text, class_="legend")
    heads = element("th", "pair", scope="col"), element("th", term("IoU"), scope="col", colspan=2)
    table = element(
        "table",
        element("thead", element("tr", heads)),
        element("tbody", [_pair(*pair) for pair in combinations(agreeing.values(), 2)]),
    )
    text_beside = element("div", element("ul", keys, class_="keys"), only, table)
    return element("div", stage, text_beside, class_="agreement")


def _pair(one: Segmentation, other: Segmentation) -> Markup:
    titles = [all_columns()[each.network].title for each in (one, other)]
    value = iou(one.mask, other.mask)
    return element(
        "tr",
        element("th", " · ".join(titles), scope="row"),
        element("td", element("i", style=f"width:{value or 0:.0%}"), class_="meter"),
        element("td", "both empty" if value is None else f"{value:.2f}"),
    )


def draw_gallery(examples: Sequence[Example], side: int = SIDE) -> Markup:
    """A button per example, which picks its place in the list; pictures at most `side` large."""
    buttons = []
    for place, example in enumerate(examples):
        phrases, image = example.comparison.phrases, example.comparison.picture.image
        named = [
            element("span", swatch(colour), phrase)
            for phrase, colour in zip(phrases, phrase_colours(len(phrases)), strict=True)
        ]
        picture = element("img", src=photo_uri(image, side), alt="")
        content = picture, element("strong", example.title), named
        buttons.append(element("button", content, type="button", data_pick=place))
    return element("div", buttons, class_="gallery")


def colours_of(comparison: Comparison, look: Look) -> dict[str, str]:
    """The colour of each phrase shown; a hidden phrase leaves the others theirs."""
    order = comparison.phrases if look.order is None else look.order
    own = dict(zip(order, phrase_colours(len(order)), strict=True))
    return {phrase: own[phrase] for phrase in comparison.phrases if shown(phrase, look.phrases)}


def draw_view(
    segmentation: Segmentation,
    truths: Sequence[np.ndarray | None],
    colours: Sequence[str],
    look: Look,
) -> np.ndarray | None:
    """One network's layer (RGBA) or whole picture (RGB) in the look's view.

    None where there is nothing to draw: no phrase is shown, or errors without a truth.
    """
    if not segmentation.phrases:
        return None
    masks, scale = fit(segmentation.mask)
    if look.view == "mask":
        return draw_masks(masks, colours, scale)
    if look.view == "heat":
        return draw_heat(segmentation.probability.max(axis=0))
    if look.view == "contour":
        return contour_layer(masks, colours, scale, OUTLINE)
    if look.view == "cutout":
        mask = enlarge(union(masks), scale)
        return draw_cutout(_resized(segmentation.image, *mask.shape), mask)
    if look.view == "errors":
        known = [number for number, truth in enumerate(truths) if truth is not None]
        if not known:
            return None
        truth = fit(np.stack([truth for truth in truths if truth is not None]))[0]
        return error_layer(union(masks[known]), union(truth), scale)
    return overlay_layer(masks, colours, look.opacity, scale, OUTLINE)


def draw_agreement(segmentations: Mapping[str, Segmentation]) -> np.ndarray:
    """The networks' agreement (RGBA) over all phrases of the segmentations together."""
    fitted = {name: fit(each.mask) for name, each in segmentations.items()}
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
