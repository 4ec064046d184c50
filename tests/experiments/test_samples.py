"""Scores of drawn scenes whose truth a pretended checker gives, wholly or not."""

import json
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from ldznet.cli import main
from ldznet.data.shapes import COLOURS
from ldznet.experiments import samples
from ldznet.experiments.checker import DetectedObject, SceneChecker
from ldznet.experiments.samples import held_out, score_drawn


def detect(scene):
    return [
        DetectedObject(thing.category, thing.colour, thing.mask, 1.0) for thing in scene.objects
    ]


def repaint(thing):
    other = COLOURS[COLOURS.index(thing.colour) - 1]
    return DetectedObject(thing.category, other, thing.mask, 1.0)


def test_a_picture_counts_by_what_its_prompt_names_of_what_is_there(monkeypatch):
    first, second, third, fourth = (detect(scene) for scene in islice(held_out("flat", 2), 4))
    repainted = [second[0], repaint(second[1])]
    crowded = [*third, *detect(next(held_out("flat", 1)))]
    answers = [first, repainted, crowded, fourth[:1]]
    monkeypatch.setattr(samples, "detect_objects", lambda checker, pixels: answers)
    score = score_drawn(None, "flat", 2, 4)
    assert score == {"pictures": 4, "categories": 0.75, "objects": 0.5, "exactly": 0.25}


def test_held_out_scenes_have_so_many_things_in_that_style():
    for things in (1, 2):
        scenes = list(islice(held_out("neon", things), 10))
        assert {len(scene.objects) for scene in scenes} == {things}
        assert {scene.style for scene in scenes} == {"neon"}
        for scene in scenes:
            assert len({(thing.category, thing.colour) for thing in scene.objects}) == things


@pytest.fixture
def checker(tmp_path):
    SceneChecker(widths=(8, 8, 16, 16)).save_pretrained(tmp_path / "checker")
    return tmp_path / "checker"


def test_the_command_scores_every_style_and_shows_the_first_pictures(checker, tmp_path):
    output, sheet = tmp_path / "samples.json", tmp_path / "samples.png"
    arguments = ["experiment", "samples", "--count", "4", "--steps", "2", "--checker", str(checker)]
    assert main([*arguments, "--output", str(output), "--sheet", str(sheet)]) == 0
    result = json.loads(output.read_text())
    assert list(result["generated"]) == list(result["drawn"])
    assert len(result["generated"]) == 6
    assert result["generated"]["neon"]["2"]["pictures"] == 2
    assert result["diversity"] > 0
    assert np.asarray(Image.open(sheet)).shape == (12 * 128, 2 * 128, 3)


def test_the_command_wants_a_prompt_for_one_thing_and_one_for_two(checker, tmp_path, capsys):
    output = tmp_path / "samples.json"
    arguments = [
        "experiment",
        "samples",
        "--count",
        "1",
        "--checker",
        str(checker),
        "--output",
        str(output),
    ]
    assert main(arguments) == 1
    assert "at least 2 prompts" in capsys.readouterr().err
    assert not output.exists()
