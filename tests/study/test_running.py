import json

import pytest

from ldznet.cli import main


@pytest.fixture
def few(monkeypatch):
    """A study of two trainings of two steps."""
    from ldznet.study.design import PARTS, Trial

    monkeypatch.setitem(PARTS, "main", (Trial("znet", 4), Trial("ldznet", 4)))


@pytest.fixture
def checker(tmp_path):
    """The folder of a checker that knows nothing."""
    from ldznet.checking import SceneChecker

    folder = tmp_path / "checker"
    SceneChecker(widths=(8, 8, 16, 16)).save_pretrained(folder)
    return folder


def test_a_study_writes_scores_and_is_not_run_twice(few, checker, tmp_path):
    arguments = ["study", "--parts", "main", "--steps", "2", "--scenes", "3"]
    arguments += ["--checker", str(checker)]
    arguments += ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "study.json")]
    assert main(arguments) == 0
    result = json.loads((tmp_path / "study.json").read_text())
    trials = result["parts"]["main"]
    assert [each["trial"]["network"] for each in trials] == ["znet", "ldznet"]
    scores = trials[1]["scores"]
    assert {"photo", "neon", "novel", "absent", "photo, features zeroed"} <= set(scores)
    assert 0 <= scores["absent"]["false_alarm"]["mean"] <= 1
    records = sorted((tmp_path / "runs").glob("*/scores.json"))
    written = [record.stat().st_mtime_ns for record in records]
    assert len(written) == 2
    assert main(arguments) == 0
    assert [record.stat().st_mtime_ns for record in records] == written


def test_without_a_checker_one_sentence_says_what_to_do(tmp_path, capsys):
    arguments = ["study", "--checker", str(tmp_path / "none"), "--runs", str(tmp_path / "runs")]
    assert main([*arguments, "--output", str(tmp_path / "study.json")]) == 1
    assert "There is no checker in 'none'; train it" in capsys.readouterr().err
    assert not (tmp_path / "study.json").exists()
