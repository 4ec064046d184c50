"""What the Compare tab shows of a comparison: every output that follows from it and a look."""

from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from ldznet.figures.pictures import overlay_layer
from ldznet.ui.cards import OUTLINE, colours_of, draw_cards, draw_large, draw_settings, fit
from ldznet.ui.inputs import Place
from ldznet.ui.markup import message
from ldznet.ui.models import Models
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import COLUMNS, Comparison, Look
from ldznet.ui.tabs.compare.agreement import draw_agreement_card
from ldznet.ui.tabs.compare.columns import draw_absent
from ldznet.ui.world import draw_word_note, is_far


class Above(NamedTuple):
    """The first things looked at; a moving slider redraws these at once."""

    cards: str
    settings: str


class Below(NamedTuple):
    """The rest of the outputs that follow from a comparison and a look."""

    pair: tuple[np.ndarray, np.ndarray]  # two overlays to lay over one another
    left: dict[str, Any]  # the choices of each side, and which is chosen
    right: dict[str, Any]
    agreement: str
    python: str
    shell: str


def show_above(models: Models, comparison: Comparison, look: Look) -> Above:
    """The cards and the settings line; no model runs."""
    absent = draw_absent(models, comparison, look)
    cards = draw_cards(comparison, look, COLUMNS, absent=absent)
    return Above(cards, draw_settings(comparison, look))


def show_below(comparison: Comparison, look: Look) -> Below:
    """What stands below the cards; no model runs."""
    left, right = choose_pair(comparison, look)
    choices = [(COLUMNS[name], name) for name in _with_result(comparison, look)]
    return Below(
        pair=draw_pair(comparison, look),
        left=gr.update(choices=choices, value=left),
        right=gr.update(choices=choices, value=right),
        agreement=draw_agreement_card(comparison, look),
        python=python_code(comparison, look),
        shell=command_line(comparison, look),
    )


def choose_pair(comparison: Comparison, look: Look) -> tuple[str | None, str | None]:
    """The look's left and right column, or the last two, if those have nothing to show."""
    there = _with_result(comparison, look)
    if look.left in there and look.right in there:
        return look.left, look.right
    return (there[-2:][0], there[-1]) if there else (None, None)


def _with_result(comparison: Comparison, look: Look) -> tuple[str, ...]:
    return tuple(comparison.at(look.threshold, (), look.columns))


def draw_pair(comparison: Comparison, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """The overlays (h, w, 3) uint8 of the pair's columns; without any, the picture alone."""
    found = comparison.at(look.threshold, look.phrases, look.columns)
    colours = colours_of(comparison, look)

    def draw(name: str | None) -> np.ndarray:
        if name is None:
            return comparison.picture.image
        masks, scale = fit(found[name].mask)
        own = [colours[phrase] for phrase in found[name].phrases]
        layer = overlay_layer(masks, own, look.opacity, scale, OUTLINE)
        return draw_large(comparison.picture.image, layer)

    left, right = choose_pair(comparison, look)
    return draw(left), draw(right)


def draw_notes(models: Models, comparison: Comparison) -> dict[Place, str]:
    """What a visitor should know beside a result, by the control it concerns; mostly nothing."""
    far = is_far(models, comparison.picture.image) and (
        f"{models.title} only knows its drawn world, and this picture looks unlike it, so the "
        "masks may mean little. An example or a new scene shows what it can do."
    )
    return {
        "picture": message(far or ""),
        "phrases": draw_word_note(models, comparison.phrases),
    }
