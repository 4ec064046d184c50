"""Scenes of the drawn world with their phrases and truth ready, for "New scene" and examples."""

import numpy as np

from ldznet.data.shapes import Scene, absent_phrases, phrases
from ldznet.ui.comparison import Picture


def picture_of(scene: Scene) -> Picture:
    """A scene's picture; its truth holds every phrase about it, absent things as empty masks."""
    truth = {phrase.text: phrase.mask for phrase in phrases(scene)}
    nothing = np.zeros(scene.image.shape[:2], bool)
    truth |= dict.fromkeys(absent_phrases(scene), nothing)
    return Picture(
        image=scene.image,
        about=f"scene {scene.number}, {scene.style}, {scene.difficulty}",
        file=f"scene-{scene.number}-{scene.style}-{scene.difficulty}.png",
        scene=(scene.number, scene.style, scene.difficulty),
        truth=truth,
    )


def choose_phrases(scene: Scene, count: int = 2) -> tuple[str, ...]:
    """Up to so many phrases to begin with, of different kinds, none about the same pixels."""
    chosen: list[str] = []
    seen = np.zeros(scene.image.shape[:2], bool)
    for kind in ("colour", "relation", "plural", "size", "category", "colour"):
        for phrase in phrases(scene):
            if phrase.kind == kind and len(chosen) < count and not (seen & phrase.mask).any():
                chosen.append(phrase.text)
                seen = seen | phrase.mask
                break
    return tuple(chosen)
