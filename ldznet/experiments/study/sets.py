"""The sets of samples that every trial of the study is judged on; none was ever trained on.

All but one are of the test split; "validation" is there to choose by, as between learning rates.
"""

from collections.abc import Iterator
from itertools import count, islice

import numpy as np

from ldznet.data.shapes import (
    NOVEL_CATEGORY,
    SPLITS,
    STYLES,
    Scene,
    ScenePhrase,
    absent_phrases,
    draw_scene,
    is_novel,
    names_novelty,
    phrases,
    shows_novelty,
)
from ldznet.types import Sample

PHOTO = "photo"
VALIDATION = "validation"
UNSEEN = tuple(style for style in STYLES if style != PHOTO)
PHRASES = 2  # of a scene
KINDS = ("category", "colour", "relation", "size", "plural")


def drawn_set(style: str, scenes: int, split: str = "test") -> list[Sample]:
    """Phrases about a split's first scenes in this style that show nothing novel.

    Kinds of phrases take turns.
    """
    samples = []
    for scene in islice(_scenes(style, novel=False, split=split), scenes):
        said = phrases(scene)
        turn = scene.number % len(KINDS)
        order = [*KINDS[turn:], *KINDS[:turn]]
        chosen = sorted(said, key=lambda phrase: order.index(phrase.kind))
        kinds: dict[str, list[ScenePhrase]] = {}
        for phrase in chosen:
            kinds.setdefault(phrase.kind, []).append(phrase)
        random = np.random.default_rng([scene.number, 2])
        for kind in list(kinds)[:PHRASES]:
            one = kinds[kind][int(random.integers(len(kinds[kind])))]
            samples.append(_sample(scene, one.text, one.mask, kind))
    return samples


def novel_set(scenes: int) -> list[Sample]:
    """Phrases that name what no mask showed: the category ("novel category"), or the pairs."""
    samples = []
    for scene in islice(_scenes(PHOTO, novel=True), scenes):
        strange = [thing for thing in scene.objects if is_novel(thing.colour, thing.category)]
        for phrase in phrases(scene):
            if phrase.kind == "category" and phrase.text == NOVEL_CATEGORY:
                samples.append(_sample(scene, phrase.text, phrase.mask, "novel category"))
            elif phrase.kind == "colour" and any(
                phrase.text == f"{thing.colour} {thing.category}"
                and thing.category != NOVEL_CATEGORY
                for thing in strange
            ):
                samples.append(_sample(scene, phrase.text, phrase.mask, "novel pair"))
    return samples


def absent_set(style: str, scenes: int) -> list[Sample]:
    """Phrases that name nothing in the scene, one each; the mask is empty."""
    samples = []
    for scene in islice(_scenes(style, novel=False), scenes):
        texts = [text for text in absent_phrases(scene) if not names_novelty(text)]
        if texts:
            text = texts[int(np.random.default_rng([scene.number, 3]).integers(len(texts)))]
            nothing = np.zeros(scene.image.shape[:2], bool)
            samples.append(_sample(scene, text, nothing, "absent"))
    return samples


def test_sets(scenes: int) -> dict[str, list[Sample]]:
    """All sets by name: every style, the novel concepts, and what is absent."""
    return {
        PHOTO: drawn_set(PHOTO, 2 * scenes),
        VALIDATION: drawn_set(PHOTO, 2 * scenes, "val"),
        **{style: drawn_set(style, scenes) for style in UNSEEN},
        "novel": novel_set(scenes),
        "absent": absent_set(PHOTO, scenes),
    }


def _scenes(style: str, *, novel: bool, split: str = "test") -> Iterator[Scene]:
    for number in count(SPLITS[split][0]):
        scene = draw_scene(number, style)
        if shows_novelty(scene) == novel:
            yield scene


def _sample(scene: Scene, text: str, mask: np.ndarray, kind: str) -> Sample:
    return Sample(scene.image, text, mask, f"shapes/{scene.style}/{scene.number}", kind)
