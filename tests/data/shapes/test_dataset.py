import pickle
from itertools import pairwise

import numpy as np
import pytest

from ldznet.data.shapes import SPLITS, STYLES, Shapes, draw_scene, phrases
from ldznet.types import Sample


def test_splits_share_no_scene():
    ranges = sorted(SPLITS.values())
    for (_, end), (start, _) in pairwise(ranges):
        assert end <= start
    assert ranges[0][0] >= 0
    assert SPLITS["train"][0] == 1_000_000


def test_samples_are_those_of_their_scene():
    samples = Shapes("test", "photo", count=20)
    assert len(samples) == 20
    for i, sample in enumerate(samples):
        assert isinstance(sample, Sample)
        assert sample.source == f"shapes/test/photo/{i}"
        scene = draw_scene(i, "photo")
        np.testing.assert_array_equal(sample.image, scene.image)
        expected = {phrase.text: phrase for phrase in phrases(scene)}[sample.phrase]
        assert sample.kind == expected.kind
        np.testing.assert_array_equal(sample.mask, expected.mask)


def test_validation_and_training_start_at_their_own_numbers():
    for split, first in (("val", 100_000), ("train", 1_000_000)):
        sample = Shapes(split, "flat", count=3)[2]
        np.testing.assert_array_equal(sample.image, draw_scene(first + 2, "flat").image)


def test_every_phrase_of_every_scene():
    samples = Shapes("val", "sketch", count=6, phrases_per_scene=None)
    expected = [
        (f"shapes/val/sketch/{i}", phrase.text)
        for i in range(6)
        for phrase in phrases(draw_scene(100_000 + i, "sketch"))
    ]
    assert [(sample.source, sample.phrase) for sample in samples] == expected


def test_a_few_phrases_per_scene_differ_and_take_turns_in_kind():
    samples = Shapes("test", count=30, phrases_per_scene=3)
    assert len(samples) == 90
    for i in range(30):
        own = samples[3 * i : 3 * i + 3]
        every = phrases(draw_scene(i))
        assert len({sample.phrase for sample in own}) == min(3, len(every))
        assert len({sample.kind for sample in own}) == min(3, len({p.kind for p in every}))


def test_all_kinds_come_often():
    kinds = [sample.kind for sample in Shapes("test", "pixel", count=150)]
    assert len(set(kinds)) == 5
    assert min(map(kinds.count, set(kinds))) > 10


def test_without_a_style_all_styles_are_mixed():
    assert {sample.source.split("/")[2] for sample in Shapes("test", count=60)} == set(STYLES)


def test_a_pickled_copy_gives_the_same_samples_in_any_order():
    samples = Shapes("train", "neon", count=5, difficulty="pair", phrases_per_scene=2)
    copy = pickle.loads(pickle.dumps(samples))
    for i in (7, 0, -1, 3):
        assert copy[i].phrase == samples[i].phrase
        np.testing.assert_array_equal(copy[i].image, samples[i].image)


def test_an_index_outside_is_refused():
    samples = Shapes("test", "flat", count=2)
    with pytest.raises(IndexError):
        samples[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "all"}, "test, val, train"),
        ({"split": "test", "style": "oil"}, "photo"),
        ({"split": "test", "difficulty": "hard"}, "single"),
        ({"split": "test", "count": 0}, "100000"),
        ({"split": "test", "count": 100_001}, "100000"),
        ({"split": "test", "phrases_per_scene": 0}, "at least one"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        Shapes(**options)
