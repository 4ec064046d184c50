"""The generated sets, with a checker that sees just what a test has it see."""

import numpy as np
import pytest

from ldznet.data.shapes import names_novelty
from ldznet.experiments.checking import FoundObject
from ldznet.experiments.study import generated
from ldznet.experiments.study.generated import imagined_set, redrawn_set
from ldznet.pipeline.loading import load_backbone


@pytest.fixture(scope="module")
def backbone():
    return load_backbone()


def truth_of(scene, shift=0, confidence=1.0):
    return [
        FoundObject(thing.category, thing.colour, np.roll(thing.mask, shift, axis=1), confidence)
        for thing in scene.objects
    ]


@pytest.fixture
def scenes():
    return next(generated._familiar(4))


def see(monkeypatch, scenes, found):
    monkeypatch.setattr(generated, "STEPS", 5)
    answers = dict(enumerate(found))
    monkeypatch.setattr(
        generated, "_look", lambda checker, pictures: [answers[i] for i in range(len(pictures))]
    )


def test_redrawn_scenes_are_kept_where_everything_stayed_put(backbone, scenes, monkeypatch):
    gone, moved = [], truth_of(scenes[1], shift=40)
    extra = truth_of(scenes[2]) + truth_of(scenes[0])[:1]
    see(monkeypatch, scenes, [gone, moved, extra, truth_of(scenes[3])])
    found = redrawn_set(backbone, None, 4)
    assert (found.kept, found.truth) == (0.25, 1.0)
    assert {sample.source for sample in found.samples} == {
        f"shapes/redrawn/{scenes[3].style}/{scenes[3].number}"
    }
    for sample in found.samples:
        assert sample.image.shape == scenes[3].image.shape
        assert not np.array_equal(sample.image, scenes[3].image)  # drawn by the backbone
        assert np.abs(sample.image.astype(int) - scenes[3].image).mean() < 60  # yet much the same


def test_nothing_kept_is_an_empty_set(backbone, scenes, monkeypatch):
    see(monkeypatch, scenes, [[]] * 4)
    found = redrawn_set(backbone, None, 4)
    assert (found.samples, found.kept, found.truth) == ([], 0.0, None)


def test_imagined_pictures_are_kept_where_the_checker_is_sure_and_named_by_it(
    backbone, scenes, monkeypatch
):
    unsure = truth_of(scenes[1], confidence=0.5)
    see(monkeypatch, scenes, [truth_of(scenes[0]), unsure, truth_of(scenes[0]), []])
    found = imagined_set(backbone, None, 4)
    assert found.kept == 0.25
    named = {(thing.category, thing.colour) for thing in scenes[0].objects}
    assert {sample.phrase for sample in found.samples} == {
        text for category, colour in named for text in (category, f"{colour} {category}")
    }
    assert not any(names_novelty(sample.phrase) for sample in found.samples)
