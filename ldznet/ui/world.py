"""What a backbone knows: its words, and whether a picture is of pocket's world."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from html import escape

import numpy as np

from ldznet.data.shapes import CATEGORIES, COLOURS, SIZES
from ldznet.data.shapes.language import plural
from ldznet.pipeline import POCKET
from ldznet.ui.models import Answering

EXAMPLE_PHRASES = ("the two cars", "all red balls", "small blue box", "tree left of the house")
ASKED_FOR = (*CATEGORIES, *map(plural, CATEGORIES), *COLOURS, *SIZES)
VOCABULARY = "Words it knows"  # the heading that `draw_vocabulary` stands under
ARROW = "→"  # between a word and its replacement in a pick


def unknown_words(models: Answering, phrases: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each word of the phrases the backbone has never seen, with up to three known near it."""
    backbone = models.segmenter.backbone
    known = [word for word in ASKED_FOR if not backbone.unknown_words(word)]
    found = (word for phrase in phrases for word in backbone.unknown_words(phrase))
    return {
        word: tuple(get_close_matches(word, known, n=2, cutoff=0.65))
        for word in dict.fromkeys(found)
    }


def draw_word_note(models: Answering, phrases: Sequence[str]) -> str:
    """One sentence that names unknown words and offers known ones to click; mostly nothing."""
    unknown = unknown_words(models, phrases)
    if not unknown:
        return ""
    *others, last = [f"'{escape(word)}'" for word in unknown]
    named = f"{', '.join(others)} or {last}" if others else last
    offers = [_offer(word, near, bool(others)) for word, near in unknown.items() if near]
    listed = f"open “{VOCABULARY}” for those it has" if models.backbone == POCKET else "try another"
    rest = ", ".join(offers) or listed
    said = f"{escape(models.title)} has never seen {named}; {rest}."
    return f'<p class="message note" role="status">{said}</p>'


def _offer(word: str, near: Sequence[str], one_of_several: bool) -> str:
    buttons = " ".join(
        f'<button type="button" data-pick="{escape(word)}{ARROW}{escape(other)}">'
        f"{escape(other)}</button>"
        for other in near
    )
    return f"for '{escape(word)}' it knows {buttons}" if one_of_several else f"it knows {buttons}"


def draw_vocabulary() -> str:
    """What can be asked of the drawn world, folded away."""
    rows = {
        "things": ", ".join(CATEGORIES),
        "colours": ", ".join(COLOURS),
        "sizes": ", ".join(SIZES),
        "and so on": "; ".join(EXAMPLE_PHRASES),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows.items())
    return f'<details class="vocabulary"><summary>{VOCABULARY}</summary><dl>{listed}</dl></details>'


def replace_word(text: str, pick: str) -> str:
    """A visitor's text with the word of a pick ("dargon→dragon") replaced."""
    word, _, other = pick.partition(ARROW)
    whole = rf"(?<!\w){re.escape(word)}(?!\w)"
    return re.sub(whole, lambda _: other, text, count=1, flags=re.IGNORECASE) if word else text


# Error in [0, 1] of the median pixel when the autoencoder redraws a picture, chosen and measured by
# `python -m ldznet experiment world`: 2 % of 600 drawn scenes are above it, and 4 of 10 foreign
# pictures below (assets/benchmarks/world.json). Smooth pictures are easy to redraw wherever they
# come from, so a missing note promises nothing.
WORLD_LIMIT = 0.022


def is_far(models: Answering, image: np.ndarray) -> bool:
    """Whether pocket redraws a picture (H, W, 3) uint8 worse than nearly all of its own world."""
    if models.backbone != POCKET:
        return False
    return models.segmenter.reconstruction_error(image) > WORLD_LIMIT
