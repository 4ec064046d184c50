"""What the networks' masks never show, though captions speak of it: concepts to be new at a test.

One whole category, and for every other category one colour it does not come in.
"""

from itertools import pairwise

from ldznet.data.shapes.categories import CATEGORIES
from ldznet.data.shapes.palette import COLOURS
from ldznet.data.shapes.scene import Scene

NOVEL_CATEGORY = "umbrella"
NOVEL_PAIRS = tuple(
    (COLOURS[4 * place % len(COLOURS)], category)
    for place, category in enumerate(CATEGORIES)
    if category != NOVEL_CATEGORY
)


def is_novel(colour: str, category: str) -> bool:
    """Whether things of this colour and category are kept from the networks' masks."""
    return category == NOVEL_CATEGORY or (colour, category) in NOVEL_PAIRS


def shows_novelty(scene: Scene) -> bool:
    """Whether anything in the scene is novel, which keeps the whole scene from the masks."""
    return any(is_novel(thing.colour, thing.category) for thing in scene.objects)


def names_novelty(phrase: str) -> bool:
    """Whether a phrase names the novel category, or a novel colour with its category."""
    words = phrase.split()
    return NOVEL_CATEGORY in words or any(pair in NOVEL_PAIRS for pair in pairwise(words))
