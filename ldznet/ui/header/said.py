"""What the head says of the backbone: where it computes, what it waits for, what it lacks."""

from html import escape

from ldznet.checkpoints.hub import is_hub_id
from ldznet.networks import NETWORKS
from ldznet.pipeline import POCKET
from ldznet.ui.models import Loaded


def draw_badge(loaded: Loaded) -> str:
    """Device and precision; the page hides by it what is only about pocket's drawn world."""
    world = "drawn" if loaded.backbone == POCKET else "open"
    return f'<span class="badge" data-world="{world}">{loaded.place}</span>'


def draw_waiting(name: str) -> str:
    """What is done while a backbone is loaded."""
    where = "what is not here yet comes from the Hugging Face hub first, several gigabytes"
    said = f"Loading {name}: {where}." if is_hub_id(name) else f"Loading {name}."
    return (
        f'<p class="message note" role="status"><progress aria-label="loading"></progress>'
        f"{escape(said)} The page works on with the former.</p>"
    )


def say_loaded(loaded: Loaded) -> str:
    """From when on a backbone answers, and which networks lack weights for it."""
    segmenter = loaded.segmenter
    said = f"{loaded.title} answers from the next run on; what is on the page stays."
    missing = [NETWORKS[name].title for name in segmenter.missing if name in NETWORKS]
    if not missing:
        return said
    *others, last = missing
    named = f"{', '.join(others)} and {last} have" if others else f"{last} has"
    said += f" {named} no weights for it"
    standing_in = [network.title for network in segmenter.networks.values()]
    return f"{said}; {' and '.join(standing_in)} can be asked." if standing_in else f"{said}."
