import json

import pytest
import torch

from ldznet.cli import main
from ldznet.experiments.checker import SceneChecker
from ldznet.experiments.study import design
from ldznet.experiments.study.design import Trial
from ldznet.experiments.study.running import score_network
from ldznet.experiments.study.sets import absent_set, drawn_set
from ldznet.experiments.study.summary import fingerprint, read_record, write_record
from ldznet.metrics import IntervalMetrics
from ldznet.pipeline import Segmenter
from ldznet.training.dataset import prepare_masked_scenes


@pytest.fixture
def few(monkeypatch):
    """A study of two trainings of two steps."""
    trials = {"main": (Trial("znet", 4), Trial("ldznet", 4))}
    monkeypatch.setattr(design, "trials_of", lambda part: trials.get(part, ()))
    return trials


@pytest.fixture
def checker(tmp_path):
    """The folder of a checker that knows nothing."""
    folder = tmp_path / "checker"
    SceneChecker(widths=(8, 8, 16, 16)).save_pretrained(folder)
    return folder


def test_a_study_writes_scores_and_is_not_run_twice(few, checker, tmp_path):
    arguments = ["experiment", "study", "--parts", "main", "--steps", "2", "--scenes", "3"]
    arguments += ["--checker", str(checker)]
    records = tmp_path / "records"
    arguments += ["--runs", str(tmp_path / "runs"), "--records", str(records)]
    arguments += ["--output", str(tmp_path / "study.json")]
    assert main(arguments) == 0
    result = json.loads((tmp_path / "study.json").read_text())
    trials = result["parts"]["main"]
    assert [each["trial"]["network"] for each in trials] == ["znet", "ldznet"]
    scores = trials[1]["scores"]
    assert {"photo", "neon", "novel", "absent", "photo, features zeroed"} <= set(scores)
    assert 0 <= scores["absent"]["false_alarm"]["mean"] <= 1
    written = {record: record.stat().st_mtime_ns for record in records.iterdir()}
    assert {record.stem.split("-")[0] for record in written} == {"znet", "ldznet"}
    assert main(arguments) == 0
    assert {record: record.stat().st_mtime_ns for record in records.iterdir()} == written


def test_a_part_run_later_joins_what_is_recorded(few, checker, tmp_path):
    few["control"] = (Trial("znet", 4, start="scratch"),)
    arguments = ["experiment", "study", "--steps", "1", "--scenes", "3", "--checker", str(checker)]
    arguments += ["--runs", str(tmp_path / "runs"), "--records", str(tmp_path / "records")]
    for part in ("main", "control"):
        output = tmp_path / f"{part}.json"
        assert main([*arguments, "--parts", part, "--output", str(output)]) == 0
    assert set(json.loads((tmp_path / "control.json").read_text())["parts"]) == {"main", "control"}


def test_a_record_of_another_backbone_does_not_count(tmp_path):
    unet = tmp_path / "backbone" / "unet"
    unet.mkdir(parents=True)
    (unet / "weights.safetensors").write_bytes(b"as trained first")
    first = fingerprint(tmp_path / "backbone")
    write_record(tmp_path / "records", Trial("znet"), first, "a test", {"scores": {}})
    assert read_record(tmp_path / "records", Trial("znet"), first) is not None
    (unet / "weights.safetensors").write_bytes(b"as trained anew")
    second = fingerprint(tmp_path / "backbone")
    assert read_record(tmp_path / "records", Trial("znet"), second) is None


def test_without_a_checker_one_sentence_says_what_to_do(tmp_path, capsys):
    arguments = [
        "experiment",
        "study",
        "--checker",
        str(tmp_path / "none"),
        "--runs",
        str(tmp_path / "runs"),
    ]
    arguments += ["--records", str(tmp_path / "records")]
    assert main([*arguments, "--output", str(tmp_path / "study.json")]) == 1
    assert "There is no checker in 'none'; train it" in capsys.readouterr().err
    assert not (tmp_path / "study.json").exists()


@pytest.fixture(scope="module")
def pocket():
    return Segmenter.from_pretrained()


@pytest.mark.parametrize("name", ["rgbnet", "znet", "ldznet"])
def test_a_network_is_scored_as_the_segmenter_would_show_it(pocket, name):
    samples = drawn_set("photo", 4)
    network = pocket.networks[name]
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    scored = score_network(network, pocket.backbone, scenes, samples, timestep=400)
    expected = IntervalMetrics()
    for sample in samples:
        segmentations = pocket.compare(sample.image, [sample.phrase], [name], timestep=400)
        expected.update(segmentations[name].probability[0], sample.mask)
    scores = expected.scores()
    # Half-precision latents, and phrases in batches, move a few pixels across the threshold.
    assert scored["mean_iou"] == pytest.approx(scores.mean_iou, abs=0.01)
    assert scored["average_precision"] == pytest.approx(scores.average_precision, abs=0.01)
    assert scored["phrases"] == len(samples)


def test_features_count_for_the_network_that_reads_them_alone(pocket):
    samples = drawn_set("photo", 4)
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    for name, differs in (("znet", False), ("ldznet", True)):
        plain, zeroed = (
            score_network(
                pocket.networks[name], pocket.backbone, scenes, samples, timestep=400, ablation=each
            )
            for each in ("none", "zeroed")
        )
        assert (plain != zeroed) == differs


def test_what_is_absent_counts_as_the_share_of_the_picture_found(pocket):
    class Half(torch.nn.Module):
        reading = None

        def forward(self, encoding):
            logits = torch.full((len(encoding.text), 1, *encoding.pixels.shape[-2:]), -9.0)
            logits[..., : logits.shape[-1] // 2] = 9.0
            return logits

    samples = absent_set("photo", 3)
    scenes = prepare_masked_scenes(pocket.backbone, samples)
    scored = score_network(Half(), pocket.backbone, scenes, samples, timestep=400)
    assert scored == {"phrases": 3, "false_alarm": pytest.approx(0.5, abs=0.01)}
