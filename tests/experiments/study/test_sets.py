"""The study's sets: what they hold, and which pictures of pocket's are kept."""

import numpy as np
import pytest

from ldznet.data.shapes import names_novelty
from ldznet.experiments import samples
from ldznet.experiments.checker import DetectedObject
from ldznet.experiments.study import sets
from ldznet.experiments.study.sets import (
    KINDS,
    absent_set,
    drawn_set,
    imagined_set,
    novel_set,
    redrawn_set,
)
from ldznet.pipeline.loading import load_backbone


def test_drawn_sets_hold_familiar_phrases_of_every_kind_and_the_same_scenes_in_every_style():
    photo, neon = drawn_set("photo", 40), drawn_set("neon", 40)
    assert {sample.kind for sample in photo} == set(KINDS)
    assert not any(names_novelty(sample.phrase) for sample in photo)
    assert [sample.phrase for sample in photo] == [sample.phrase for sample in neon]
    assert all(sample.mask.any() for sample in photo)


def test_novel_sets_name_only_what_no_mask_showed():
    novel = novel_set(40)
    assert {sample.kind for sample in novel} == {"novel category", "novel pair"}
    assert all(names_novelty(sample.phrase) and sample.mask.any() for sample in novel)


def test_absent_sets_have_empty_masks_and_nothing_novel():
    absent = absent_set("photo", 20)
    assert len(absent) == 20
    assert not any(sample.mask.any() or names_novelty(sample.phrase) for sample in absent)


@pytest.fixture(scope="module")
def backbone():
    return load_backbone()


def truth_of(scene, shift=0, confidence=1.0):
    return [
        DetectedObject(thing.category, thing.colour, np.roll(thing.mask, shift, axis=1), confidence)
        for thing in scene.objects
    ]


@pytest.fixture
def scenes():
    return list(sets._familiar(4))


def detect(monkeypatch, objects):
    """Have the checker detect just this in the pictures of a batch."""
    monkeypatch.setattr(sets, "STEPS", 5)
    for module in (sets, samples):
        monkeypatch.setattr(module, "detect_objects", lambda checker, pictures: objects)


def test_redrawn_scenes_are_kept_where_everything_stayed_put(backbone, scenes, monkeypatch):
    gone, moved = [], truth_of(scenes[1], shift=40)
    extra = truth_of(scenes[2]) + truth_of(scenes[0])[:1]
    detect(monkeypatch, [gone, moved, extra, truth_of(scenes[3])])
    generated = redrawn_set(backbone, None, 4)
    assert (generated.kept, generated.truth) == (0.25, 1.0)
    assert {sample.source for sample in generated.samples} == {
        f"shapes/redrawn/{scenes[3].style}/{scenes[3].number}"
    }
    for sample in generated.samples:
        assert sample.image.shape == scenes[3].image.shape
        assert not np.array_equal(sample.image, scenes[3].image)  # drawn by the backbone
        assert np.abs(sample.image.astype(int) - scenes[3].image).mean() < 60  # yet much the same


def test_nothing_kept_is_an_empty_set(backbone, scenes, monkeypatch):
    detect(monkeypatch, [[]] * 4)
    generated = redrawn_set(backbone, None, 4)
    assert (generated.samples, generated.kept, generated.truth) == ([], 0.0, None)


def test_imagined_pictures_are_kept_where_the_checker_is_sure_and_named_by_it(
    backbone, scenes, monkeypatch
):
    unsure = truth_of(scenes[1], confidence=0.5)
    detect(monkeypatch, [truth_of(scenes[0]), unsure, truth_of(scenes[0]), []])
    generated = imagined_set(backbone, None, 4)
    assert generated.kept == 0.25
    named = {(thing.category, thing.colour) for thing in scenes[0].objects}
    assert {sample.phrase for sample in generated.samples} == {
        text for category, colour in named for text in (category, f"{colour} {category}")
    }
    assert not any(names_novelty(sample.phrase) for sample in generated.samples)
