"""The strip of examples below the cards."""

from collections.abc import Sequence
from html import escape

from ldznet.figures.palette import phrase_colours
from ldznet.ui.examples import Example
from ldznet.ui.pictures import SIDE, photo_uri
from ldznet.ui.widgets import swatch


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
