"""What a backbone knows: its words, and whether a picture is of pocket's world."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np

from ldznet.data.shapes import CATEGORIES, COLOURS, SIZES
from ldznet.data.shapes.language import plural
from ldznet.pipeline import POCKET
from ldznet.ui.markup import Child, Markup, element, message
from ldznet.ui.models import Loaded

EXAMPLE_PHRASES = ("the two cars", "all red balls", "small blue box", "tree left of the house")
ASKED_FOR = (*CATEGORIES, *map(plural, CATEGORIES), *COLOURS, *SIZES)
VOCABULARY = "Words it knows"  # the heading that `draw_vocabulary` stands under
ARROW = "→"  # between a word and its replacement in a pick

# Error in [0, 1] of the median pixel when the autoencoder redraws a picture, chosen and measured by
# `python -m ldznet experiment world`: 2 % of 600 drawn scenes are above it, and 4 of 10 foreign
# pictures below (assets/benchmarks/world.json). Smooth pictures are easy to redraw wherever they
# come from, so a missing note promises nothing.
WORLD_LIMIT = 0.022


def is_far(loaded: Loaded, image: np.ndarray) -> bool:
    """Whether pocket redraws a picture (H, W, 3) uint8 worse than nearly all of its own world."""
    if loaded.backbone != POCKET:
        return False
    return loaded.segmenter.reconstruction_error(image) > WORLD_LIMIT


def unknown_words(loaded: Loaded, phrases: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each word of the phrases the backbone has never seen, with up to two known near it."""
    backbone = loaded.segmenter.backbone
    known = [word for word in ASKED_FOR if not backbone.unknown_words(word)]
    unknown = (word for phrase in phrases for word in backbone.unknown_words(phrase))
    return {
        word: tuple(get_close_matches(word, known, n=2, cutoff=0.65))
        for word in dict.fromkeys(unknown)
    }


def draw_word_note(loaded: Loaded, phrases: Sequence[str]) -> Markup:
    """One sentence that names unknown words and offers known ones to click; mostly nothing."""
    unknown = unknown_words(loaded, phrases)
    if not unknown:
        return Markup()
    *others, last = [f"'{word}'" for word in unknown]
    named = f"{', '.join(others)} or {last}" if others else last
    offers: list[Child] = []
    for word, near in unknown.items():
        if near:
            whose = f"for '{word}' " if others else ""
            offers.append([", " if offers else None, f"{whose}it knows ", _buttons(word, near)])
    listed = f"open “{VOCABULARY}” for those it has" if loaded.backbone == POCKET else "try another"
    return message([f"{loaded.title} has never seen {named}; ", offers or listed, "."])


def _buttons(word: str, near: Sequence[str]) -> list[Child]:
    """A button per known word, with spaces between."""
    buttons = [
        element("button", other, type="button", data_pick=f"{word}{ARROW}{other}") for other in near
    ]
    return [[" " if place else None, button] for place, button in enumerate(buttons)]


def draw_vocabulary() -> Markup:
    """What can be asked of the drawn world, folded away."""
    rows = {
        "things": ", ".join(CATEGORIES),
        "colours": ", ".join(COLOURS),
        "sizes": ", ".join(SIZES),
        "and so on": "; ".join(EXAMPLE_PHRASES),
    }
    listed = [[element("dt", name), element("dd", text)] for name, text in rows.items()]
    heading = element("summary", VOCABULARY)
    return element("details", heading, element("dl", listed), class_="vocabulary")


def replace_word(text: str, pick: str) -> str:
    """A visitor's text with the word of a pick ("dargon→dragon") replaced."""
    word, _, other = pick.partition(ARROW)
    whole = rf"(?<!\w){re.escape(word)}(?!\w)"
    return re.sub(whole, lambda _: other, text, count=1, flags=re.IGNORECASE) if word else text
