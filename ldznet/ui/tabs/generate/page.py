"""What the tab shows of a session: every output that follows from it and a look."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from ldznet.types import Generation
from ldznet.ui.cards import draw_cards
from ldznet.ui.markup import term
from ldznet.ui.state import Look, all_columns
from ldznet.ui.tabs.generate.exact import draw_exact
from ldznet.ui.tabs.generate.session import Session
from ldznet.ui.tabs.generate.snippets import command_line, python_code

FALLBACK = 400  # the timestep that the finished latents are noised at where nothing was kept
_REUSING = {"ldznet": "reads {latent} and {features} of the drawing"}
_NOTHING = (
    '<div class="cards"><p class="message note" role="status">Choose a word above, or write what '
    "to find: the networks mark it here.</p></div>"
)


class Shown(NamedTuple):
    """The outputs that follow from a session and a look."""

    cards: str
    note: str
    exact: str
    settings: str
    python: str
    shell: str


def show(session: Session, look: Look, agreement: str) -> Shown:
    """Everything that was found, without a model run."""
    phrases = look.phrases or ()
    return Shown(
        cards=draw_found(session, look),
        note=draw_note(session, agreement),
        exact=draw_exact(session, look),
        settings=draw_settings(session, look),
        python=python_code(session.backbone, session.generation, phrases, look.threshold),
        shell=command_line(session.backbone, session.generation, phrases, look.threshold),
    )


def draw_found(session: Session, look: Look) -> str:
    """A card per network, LD-ZNet's first, and for those without weights how to get them.

    A hint as long as nothing is chosen.
    """
    if session.found is None or not look.phrases:
        return _NOTHING
    reads = None if session.generation.feature_timestep is None else _REUSING
    return draw_cards(session.found, look, reads=reads) + draw_remedies(session.missing)


def draw_remedies(missing: Mapping[str, str]) -> str:
    """A panel per network without weights; nothing if none is missing."""
    panels = "".join(
        f'<section style="--own:{column.colour}"><strong>{escape(column.title)}</strong>'
        f"<p>{escape(missing[name])}</p></section>"
        for name, column in all_columns().items()
        if name in missing
    )
    return f'<div class="remedies">{panels}</div>' if panels else ""


def draw_note(session: Session, agreement: str) -> str:
    """What was reused and how far that can be trusted, or that nothing could be reused."""
    generation = session.generation
    if "ldznet" in session.missing:
        return ""  # only LD-ZNet reuses anything
    if generation.feature_timestep is None:
        return (
            f'<p class="reuse">No timestep from 300 to 499 was visited in {_steps(generation)}, so '
            "there was nothing to reuse: the finished latents were noised again at timestep "
            f"{FALLBACK} and read together with the phrase, which is the exact path.</p>"
        )
    said = (
        "LD-ZNet reuses what the diffusion model computed while drawing, at "
        f"{term('timestep')} {generation.feature_timestep}. That is an approximation: these "
        f"{term('features')} follow the {term('prompt')}, not the phrase."
    )
    return f'<p class="reuse">{said} {escape(agreement)}</p>'


def draw_settings(session: Session, look: Look) -> str:
    """One line that makes a screenshot reproducible."""
    generation = session.generation
    height, width = generation.image.shape[:2]
    kept = generation.feature_timestep
    items = [
        f"“{escape(generation.prompt)}”",
        *([f"without “{escape(generation.negative_prompt)}”"] * bool(generation.negative_prompt)),
        f"{width} × {height}",
        f"backbone {escape(session.backbone)}",
        f"{term('seed')} {generation.seed}",
        f"{generation.steps} {term('steps')}",
        f"{term('guidance')} {generation.guidance:g}",
        f"{term('features')} "
        + (f"of {term('timestep')} {kept}" if kept is not None else f"re-noised at {FALLBACK}"),
        f"{term('threshold')} {look.threshold:.2f}",
    ]
    return f'<p class="settings">{" · ".join(items)}</p>'


def _steps(generation: Generation) -> str:
    return "1 step" if generation.steps == 1 else f"{generation.steps} steps"
