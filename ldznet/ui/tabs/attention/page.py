"""What each view shows of a session: the results computed or recalled, and the HTML they become."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ldznet.blocks import BLOCKS
from ldznet.inspection import (
    NETWORK,
    FeatureStrip,
    LatentView,
    PointMap,
    WordMaps,
    features_over_blocks,
    features_over_timesteps,
    fusion_point_of,
    inspect_latent,
    point_of,
    run_network,
    run_unet,
    subject_of_image,
    text_change,
    words_of,
)
from ldznet.pipeline import Segmenter
from ldznet.ui.inputs import complaints_about
from ldznet.ui.models import Loaded, Models
from ldznet.ui.state import Picture
from ldznet.ui.tabs.attention.features import draw_features
from ldznet.ui.tabs.attention.inside import Asked, Choices, Inside, first_point
from ldznet.ui.tabs.attention.latent import draw_latent
from ldznet.ui.tabs.attention.point import draw_point
from ldznet.ui.tabs.attention.text import draw_text
from ldznet.ui.tabs.attention.words import default_word, draw_words

VIEWS = {
    "words": "Words",
    "point": "Where a point looks",
    "features": "Features as colours",
    "text": "What text changes",
    "latent": "The latent",
}


class Shown(NamedTuple):
    """An HTML per view, in the order of `VIEWS`."""

    words: Any
    point: Any
    features: Any
    text: Any
    latent: Any


def look_into(models: Loaded, picture: Picture, asked: Asked) -> Inside:
    """A session about a picture; its image is encoded, nothing else runs."""
    subject = subject_of_image(models.segmenter, picture.image)
    point = first_point(picture, asked.phrase, subject.image.shape[:2])
    return Inside(picture, models.backbone, subject, asked, point)


def find_words(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, WordMaps]:
    """A map per token; one pass serves every choice of blocks."""
    phrase, timestep, seed = inside.asked

    def compute() -> Any:
        return run_unet(
            _segmenter(models, inside).backbone,
            inside.subject,
            phrase,
            timestep=timestep,
            seed=seed,
            words=BLOCKS,
        )

    inside, seen = inside.recall("words", inside.asked, compute)
    with complaints_about("blocks"):
        found = words_of(seen, choices.blocks)
    if inside.word is None or inside.word >= len(found.words):
        inside = replace(inside, word=default_word(found))
    return inside, found


def find_point(
    models: Models, inside: Inside, choices: Choices
) -> tuple[Inside, tuple[PointMap, PointMap | str]]:
    """The point's self-attention and feature attention; another point runs no model.

    Where LD-ZNet has no weights, a sentence how to get them stands for its attention.
    """
    phrase, timestep, seed = inside.asked
    segmenter, subject = _segmenter(models, inside), inside.subject
    backbone = segmenter.backbone

    def run_backbone() -> Any:
        return run_unet(
            backbone, subject, phrase, timestep=timestep, seed=seed, points=[choices.block]
        )

    def run_fusion() -> Any:
        return run_network(segmenter, subject, phrase, timestep=timestep, seed=seed)

    inside, seen = inside.recall("self", (inside.asked, choices.block), run_backbone)
    with complaints_about("point"):
        attention = point_of(backbone, seen, *inside.point, block=choices.block)
    if NETWORK in segmenter.missing:
        return inside, (attention, segmenter.missing[NETWORK])
    inside, network = inside.recall("network", inside.asked, run_fusion)
    with complaints_about("point"):
        return inside, (
            attention,
            fusion_point_of(network, *inside.point, block=choices.fusion_block),
        )


def find_features(
    models: Models, inside: Inside, choices: Choices
) -> tuple[Inside, tuple[FeatureStrip, FeatureStrip]]:
    """The strip over timesteps and the strip over blocks."""
    phrase, timestep, seed = inside.asked
    subject, block = inside.subject, choices.feature_block

    def over_timesteps() -> FeatureStrip:
        backbone = _segmenter(models, inside).backbone
        return features_over_timesteps(backbone, subject, phrase, block=block, seed=seed)

    def over_blocks() -> FeatureStrip:
        backbone = _segmenter(models, inside).backbone
        return features_over_blocks(backbone, subject, phrase, timestep=timestep, seed=seed)

    inside, one = inside.recall("timesteps", (phrase, seed, block), over_timesteps)
    inside, other = inside.recall("blocks", inside.asked, over_blocks)
    return inside, (one, other)


def find_text_change(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, Any]:
    """(h, w) map of what the phrase changes in the noise estimate."""
    phrase, timestep, seed = inside.asked

    def compute() -> Any:
        backbone = _segmenter(models, inside).backbone
        return text_change(backbone, inside.subject, phrase, timestep=timestep, seed=seed)

    return inside.recall("text", inside.asked, compute)


def find_latent(models: Models, inside: Inside, choices: Choices) -> tuple[Inside, LatentView]:
    """The latent and what the autoencoder makes of it."""

    def compute() -> LatentView:
        return inspect_latent(_segmenter(models, inside).backbone, inside.subject)

    return inside.recall("latent", "", compute)


def _segmenter(models: Models, inside: Inside) -> Segmenter:
    """That of the session's own backbone; a complaint if it is loaded no more."""
    with complaints_about("picture"):
        return models.of(inside.backbone).segmenter


FIND: dict[str, Callable[[Models, Inside, Choices], tuple[Inside, Any]]] = {
    "words": find_words,
    "point": find_point,
    "features": find_features,
    "text": find_text_change,
    "latent": find_latent,
}


def show(models: Models, inside: Inside, view: str, choices: Choices) -> tuple[Inside, str]:
    """A view's HTML, and the session with what was computed for it."""
    inside, found = FIND[view](models, inside, choices)
    image = inside.subject.image
    if view == "words":
        assert inside.word is not None
        return inside, draw_words(image, found, inside.word, choices.common)
    if view == "point":
        return inside, draw_point(image, inside.point, *found)
    if view == "features":
        over_timesteps, over_blocks = found
        timestep, block = inside.asked.timestep, choices.feature_block
        return inside, draw_features(image, over_timesteps, over_blocks, block, timestep)
    if view == "text":
        return inside, draw_text(image, found, inside.asked.phrase)
    return inside, draw_latent(image, found)
