"""The shipped examples are complete, true, and still what the models say."""

import json

import numpy as np
import pytest

from ldznet.data.shapes import STYLES
from ldznet.experiments.examples import draw_examples
from ldznet.ui.examples import FOLDER, LIST, read_examples
from ldznet.ui.models import Loaded, Models
from ldznet.ui.run import run_comparison


@pytest.fixture(scope="module")
def examples():
    return read_examples()


def test_there_are_several_in_every_style(examples):
    assert len(examples) >= 8
    listed = json.loads((FOLDER / LIST).read_text())["examples"]
    assert {entry["scene"][1] for entry in listed} == set(STYLES)


def test_every_phrase_has_its_truth_and_every_picture_is_searched(examples):
    for example in examples:
        comparison = example.comparison
        for phrase in comparison.phrases:
            truth = comparison.picture.truth[phrase]
            assert truth.shape == comparison.picture.image.shape[:2]
            assert truth.dtype == bool
        for found in comparison.at(0.5).values():
            assert found.phrases == comparison.phrases
            assert found.probability.shape[1:] == comparison.picture.image.shape[:2]


def test_one_names_something_that_is_not_there(examples):
    assert any(
        not example.comparison.picture.truth[phrase].any()
        for example in examples
        for phrase in example.comparison.phrases
    )


def test_results_are_those_of_the_shipped_models(examples, pocket):
    for example in examples[::4]:
        kept = example.comparison
        fresh = run_comparison(Loaded(pocket), kept.picture, kept.phrases)
        for name, found in fresh.at(0.5).items():
            difference = np.abs(found.probability - kept.at(0.5)[name].probability)
            assert difference.max() < 0.02, "run python -m ldznet experiment examples again"


def test_drawing_again_gives_the_same_pictures_and_truth(tmp_path, pocket, examples):
    draw_examples(Models(pocket), "a test", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in FOLDER.iterdir() if path.is_file()
    )
    for one, other in zip(read_examples(tmp_path), examples, strict=True):
        assert np.array_equal(one.comparison.picture.image, other.comparison.picture.image)
        for phrase, truth in one.comparison.picture.truth.items():
            assert np.array_equal(truth, other.comparison.picture.truth[phrase])


def test_a_missing_file_is_one_clear_sentence(tmp_path):
    with pytest.raises(ValueError, match="draw them again with python -m ldznet exp"):
        read_examples(tmp_path)
