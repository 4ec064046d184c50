"""What the Compare tab shows of a comparison: every output that follows from it and a look."""

from typing import NamedTuple

import numpy as np

from ldznet.figures.overlay import overlay_layer
from ldznet.ui.cards import draw_agreement_card, draw_cards, draw_settings
from ldznet.ui.compare.snippets import command_line, python_code
from ldznet.ui.comparison import Comparison
from ldznet.ui.look import Look
from ldznet.ui.models import Models
from ldznet.ui.pictures import OUTLINE, colours_of, draw_large, fit
from ldznet.ui.run import Place
from ldznet.ui.widgets import message
from ldznet.ui.words import draw_word_note
from ldznet.ui.world import is_far


class Above(NamedTuple):
    """The first things looked at; a moving slider redraws these at once."""

    cards: str
    settings: str


class Below(NamedTuple):
    """The rest of the outputs that follow from a comparison and a look."""

    pair: tuple[np.ndarray, np.ndarray]  # two overlays to lay over one another
    agreement: str
    python: str
    shell: str


def show_above(models: Models, comparison: Comparison, look: Look) -> Above:
    """The cards and the settings line; no model runs."""
    return Above(draw_cards(comparison, look, models.titles), draw_settings(comparison, look))


def show_below(models: Models, comparison: Comparison, look: Look) -> Below:
    """What stands below the cards; no model runs."""
    return Below(
        pair=draw_pair(comparison, look),
        agreement=draw_agreement_card(comparison, look, models.titles),
        python=python_code(comparison, look.threshold),
        shell=command_line(comparison, look.threshold),
    )


def draw_pair(comparison: Comparison, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The overlays (h, w, 3) uint8 of the look's left and right network."""
    found = comparison.at(look.threshold, look.phrases)
    colours = colours_of(comparison, look)

    def draw(name: str) -> np.ndarray:
        masks, scale = fit(found[name].mask)
        layer = overlay_layer(masks, colours, look.opacity, scale, OUTLINE)
        return draw_large(comparison.picture.image, layer)

    return draw(look.left), draw(look.right)


def draw_notes(models: Models, comparison: Comparison) -> dict[Place, str]:
    """What a visitor should know beside a result, by the control it concerns; mostly nothing."""
    name = models.backbone.capitalize()
    far = is_far(models, comparison.picture.image) and (
        f"{name} only knows its drawn world, and this picture looks unlike it, so the masks may "
        "mean little. An example or a new scene shows what it can do."
    )
    return {
        "picture": message(far or ""),
        "phrases": draw_word_note(models, comparison.phrases),
    }
