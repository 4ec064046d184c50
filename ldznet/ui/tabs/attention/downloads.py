"""What a visitor takes home of a view: its figure as PNG, and its arrays as NPZ."""

from collections.abc import Callable

from ldznet.results.plates import (
    Plate,
    features_plate,
    latent_plate,
    point_plate,
    text_change_plate,
    words_plate,
)
from ldznet.ui.inputs import InputError
from ldznet.ui.models import Models
from ldznet.ui.tabs.attention.inside import Choices, Inside
from ldznet.ui.tabs.attention.page import (
    find_features,
    find_latent,
    find_point,
    find_text_change,
    find_words,
)

Take = Callable[[Models, Inside, Choices], tuple[Inside, Plate]]


def take(models: Models, inside: Inside, pick: str, choices: Choices) -> tuple[Inside, str, bytes]:
    """The session, a file's name and its bytes for a pick such as "png:words"; see `PLATES`."""
    kind, name = pick.split(":")
    inside, plate = PLATES[name](models, inside, choices)
    return inside, f"ldznet-{name}.{kind}", plate.png() if kind == "png" else plate.npz()


def _words(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, found = find_words(models, inside, choices)
    return inside, words_plate(inside.subject, found, common=choices.common)


def _self(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, (attention, _) = find_point(models, inside, choices)
    phrase, x, y = inside.asked.phrase, *inside.point
    return inside, point_plate(inside.subject, phrase, x, y, self_attention=attention)


def _fusion(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, (_, fusion) = find_point(models, inside, choices)
    if isinstance(fusion, str):
        raise InputError("point", fusion)
    phrase, x, y = inside.asked.phrase, *inside.point
    return inside, point_plate(inside.subject, phrase, x, y, fusion=fusion)


def _timesteps(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, (strip, _) = find_features(models, inside, choices)
    return inside, features_plate(inside.subject, strip)


def _blocks(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, (_, strip) = find_features(models, inside, choices)
    return inside, features_plate(inside.subject, strip)


def _text(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, change = find_text_change(models, inside, choices)
    phrase, timestep, seed = inside.asked
    return inside, text_change_plate(inside.subject, change, phrase, timestep=timestep, seed=seed)


def _latent(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Plate]:
    inside, view = find_latent(models, inside, choices)
    return inside, latent_plate(inside.subject, view)


PLATES: dict[str, Take] = {
    "words": _words,
    "self": _self,
    "fusion": _fusion,
    "timesteps": _timesteps,
    "blocks": _blocks,
    "text": _text,
    "latent": _latent,
}
