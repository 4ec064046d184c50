"""Scenes shared by the tests of the drawn world, and how their layers are laid bare."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from ldznet.data.shapes import STYLES, Scene, draw_scene
from ldznet.data.shapes import scene as scene_module
from ldznet.data.shapes.backgrounds import Backdrop
from ldznet.data.shapes.styles import Drawing


@dataclass(frozen=True)
class Layers:
    """A scene and what its painter was given."""

    scene: Scene
    backdrop: Backdrop
    drawings: list[Drawing]


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    """240 full scenes in all styles, 40 of each of the easier kinds."""
    full = [draw_scene(number, STYLES[number % 6]) for number in range(240)]
    easy = [draw_scene(n, STYLES[n % 6], d) for d in ("single", "pair") for n in range(40)]
    return full + easy


@pytest.fixture
def draw_layers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Layers]:
    """Draws a scene and keeps the backdrop and drawings that went into it."""
    painter = scene_module.render

    def draw(number: int, style: str, difficulty: str = "full") -> Layers:
        layers: list[tuple[Backdrop, list[Drawing]]] = []

        def spy(
            name: str, backdrop: Backdrop, drawings: list[Drawing], rng: np.random.Generator
        ) -> np.ndarray:
            layers.append((backdrop, list(drawings)))
            return painter(name, backdrop, drawings, rng)

        monkeypatch.setattr(scene_module, "render", spy)
        scene = draw_scene(number, style, difficulty)
        return Layers(scene, *layers[0])

    return draw
