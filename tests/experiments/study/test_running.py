import json

import pytest

from ldznet.cli import main


@pytest.fixture
def few(monkeypatch):
    """A study of two trainings of two steps."""
    from ldznet.experiments.study.design import PARTS, Trial

    monkeypatch.setitem(PARTS, "main", (Trial("znet", 4), Trial("ldznet", 4)))


@pytest.fixture
def checker(tmp_path):
    """The folder of a checker that knows nothing."""
    from ldznet.experiments.checking import SceneChecker

    folder = tmp_path / "checker"
    SceneChecker(widths=(8, 8, 16, 16)).save_pretrained(folder)
    return folder


def test_a_study_writes_scores_and_is_not_run_twice(few, checker, tmp_path):
    arguments = ["study", "--parts", "main", "--steps", "2", "--scenes", "3"]
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


def test_a_part_run_later_joins_what_is_recorded(few, checker, tmp_path, monkeypatch):
    from ldznet.experiments.study.design import PARTS, Trial

    monkeypatch.setitem(PARTS, "control", (Trial("znet", 4, start="scratch"),))
    arguments = ["study", "--steps", "1", "--scenes", "3", "--checker", str(checker)]
    arguments += ["--runs", str(tmp_path / "runs"), "--records", str(tmp_path / "records")]
    for part in ("main", "control"):
        output = tmp_path / f"{part}.json"
        assert main([*arguments, "--parts", part, "--output", str(output)]) == 0
    assert set(json.loads((tmp_path / "control.json").read_text())["parts"]) == {"main", "control"}


def test_a_record_of_another_backbone_does_not_count(tmp_path):
    from ldznet.experiments.study.design import Trial
    from ldznet.experiments.study.records import fingerprint, read_record, write_record

    unet = tmp_path / "backbone" / "unet"
    unet.mkdir(parents=True)
    (unet / "weights.safetensors").write_bytes(b"as trained first")
    first = fingerprint(tmp_path / "backbone")
    write_record(tmp_path / "records", Trial("znet"), first, {"scores": {}})
    assert read_record(tmp_path / "records", Trial("znet"), first) is not None
    (unet / "weights.safetensors").write_bytes(b"as trained anew")
    second = fingerprint(tmp_path / "backbone")
    assert read_record(tmp_path / "records", Trial("znet"), second) is None


def test_without_a_checker_one_sentence_says_what_to_do(tmp_path, capsys):
    arguments = ["study", "--checker", str(tmp_path / "none"), "--runs", str(tmp_path / "runs")]
    arguments += ["--records", str(tmp_path / "records")]
    assert main([*arguments, "--output", str(tmp_path / "study.json")]) == 1
    assert "There is no checker in 'none'; train it" in capsys.readouterr().err
    assert not (tmp_path / "study.json").exists()
