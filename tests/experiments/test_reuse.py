"""The measurement of reuse: honest prompts, honest counting, and what the shipped result says."""

import json
from itertools import islice

import numpy as np
import pytest

from ldznet.backbone import generate
from ldznet.cli import main
from ldznet.data.shapes import caption, draw_scene
from ldznet.experiments.reuse import measure_reuse, prompts
from ldznet.pipeline import ASSETS


def test_prompts_are_captions_of_held_out_scenes_and_phrases_name_their_things():
    styles = set()
    for number, (prompt, phrases) in enumerate(islice(prompts(), 80)):
        scene = draw_scene(number, difficulty=("single", "pair", "full")[number % 3])
        assert prompt == caption(scene)
        assert all(phrase in prompt for phrase in phrases)
        things = {(thing.size, thing.colour, thing.category) for thing in scene.objects}
        assert 1 <= len(phrases) <= len(things)
        styles.add(scene.style)
    assert len(styles) == 6


@pytest.fixture(scope="module")
def measured(pocket):
    return measure_reuse(pocket, count=3, steps=5, guidance=2.0, seed=11)


def overlap(one, other):
    """Intersection over union from sets of pixels; 1 for two empty masks."""
    one, other = (set(np.flatnonzero(mask)) for mask in (one, other))
    return len(one & other) / len(one | other) if one | other else 1.0


def test_the_agreement_is_that_of_masks_found_here(pocket, measured):
    overlaps, differences, empty = [], [], 0
    for number, (prompt, phrases) in enumerate(islice(prompts(), 3)):
        made = generate(pocket.backbone, prompt, steps=5, guidance=2.0, seed=11 + number)
        reused, exact = (
            pocket.compare_generated(made, phrases, ["ldznet"], reuse=reuse)["ldznet"]
            for reuse in (True, False)
        )
        overlaps += map(overlap, reused.mask, exact.mask)
        empty += sum(not (a | b).any() for a, b in zip(reused.mask, exact.mask, strict=True))
        differences += [
            float(np.mean(np.abs(a - b)))
            for a, b in zip(reused.probability, exact.probability, strict=True)
        ]
    reused = measured.agreement["reused"]
    assert (reused.phrases, reused.both_empty) == (len(overlaps), empty)
    assert reused.mean_iou == pytest.approx(np.mean(overlaps))
    assert reused.probability_difference == pytest.approx(np.mean(differences), rel=1e-4)
    total = reused.mean_iou_found * (reused.phrases - empty) + empty
    assert total == pytest.approx(sum(overlaps))


def test_controls_leave_out_only_what_they_must(measured):
    counts = {way: each.phrases for way, each in measured.agreement.items()}
    everything = counts["reused"]
    assert counts["encoded"] == counts["other_noise"] == everything
    assert 0 < counts["other_picture"] < everything  # the first picture has none before it
    assert sum(each.phrases for each in measured.things.values()) == everything
    named = {len(phrases) for _, phrases in islice(prompts(), 3)}
    assert set(measured.things) == named


def test_every_way_is_timed_on_every_picture(pocket, monkeypatch):
    """By a clock that goes on by one second in the reused way, by four and ten in the others."""
    now = [0.0]
    monkeypatch.setattr("ldznet.experiments.reuse.perf_counter", lambda: now[0])
    compare, generated = pocket.compare, pocket.compare_generated

    def later(method, seconds):
        def run(*args, reuse=None, **options):
            now[0] += seconds[reuse]
            return method(*args, **options | ({} if reuse is None else {"reuse": reuse}))

        return run

    monkeypatch.setattr(pocket, "compare_generated", later(generated, {True: 1, False: 4}))
    monkeypatch.setattr(pocket, "compare", later(compare, {None: 10}))
    measured = measure_reuse(pocket, count=2, steps=3, guidance=1.0)
    assert {way: each.median for way, each in measured.seconds.items()} == {
        "reused": 1,
        "exact": 4,
        "encoded": 10,
    }
    assert measured.ratio_to_exact.least == measured.ratio_to_exact.greatest == 0.25
    assert measured.ratio_to_encoded.median == 0.1


def test_steps_that_keep_no_features_are_refused(pocket):
    with pytest.raises(ValueError, match="visits no timestep from 300 to 499"):
        measure_reuse(pocket, count=1, steps=2, guidance=1.0)


def test_the_command_writes_and_says_what_was_measured(tmp_path, capsys):
    output = tmp_path / "reuse.json"
    assert (
        main(["experiment", "reuse", "--count", "2", "--steps", "5", "--output", str(output)]) == 0
    )
    result = json.loads(output.read_text())
    assert (result["prompts"], result["steps"]) == (2, 5)
    assert result["command"].startswith("python -m ldznet experiment reuse --count 2")
    assert str(tmp_path) not in output.read_text()
    assert "reused against exact: mean IoU" in capsys.readouterr().out
    assert main(["experiment", "reuse", "--count", "0", "--output", str(output)]) == 1
    assert "at least one prompt" in capsys.readouterr().err


def test_the_shipped_measurement_is_large_enough_good_enough_and_told():
    result = json.loads((ASSETS / "benchmarks" / "reuse.json").read_text())
    assert result["prompts"] >= 200
    document = (ASSETS.parent / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"a mean IoU of {result['agreement']['reused']['mean_iou']:.2f}" in document
    assert result["agreement"]["reused"]["mean_iou_found"] >= 0.8
