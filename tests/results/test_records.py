"""The state of code and machine, checked against git and the standard library."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import torch

from ldznet.cli import build_parser
from ldznet.results.records import command_line, commit, machine, write_result


def git(*arguments):
    answer = subprocess.run(
        ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def test_the_commit_is_gits_and_says_when_it_is_not_the_whole_truth():
    head, changed = git("rev-parse", "HEAD"), git("status", "--porcelain", "--untracked-files=no")
    assert commit() == (head or "unknown") + ("-dirty" if changed else "")


def test_without_git_the_commit_is_unknown(monkeypatch):
    monkeypatch.setenv("PATH", "")
    commit.cache_clear()
    assert commit() == "unknown"
    commit.cache_clear()


def test_the_machine_is_described_without_its_name_or_paths():
    described = machine()
    assert described["cores"] == os.cpu_count()
    assert described["torch"] == torch.__version__
    assert os.uname().nodename not in described.values()
    assert str(Path.home()) not in json.dumps(described)


def test_a_result_says_how_it_was_made_and_a_broken_one_leaves_the_older_file(tmp_path):
    path = tmp_path / "result.json"
    text = write_result(path, "a command", {"seeds": "0", "score": 0.5})
    record = json.loads(path.read_text())
    assert json.loads(text) == record
    assert list(record) == ["command", "commit", "machine", "seeds", "score"]
    assert (record["command"], record["score"]) == ("a command", 0.5)
    for broken in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_result(path, "another", {"score": broken})
    assert json.loads(path.read_text()) == record
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_of_an_experiment_is_named_as_it_is_typed(tmp_path):
    output = tmp_path / "cost.json"
    words = ["--debug", "experiment", "memory", "--side", "32", "--output", str(output)]
    named = command_line(build_parser().parse_args(words))
    assert named == "python -m ldznet experiment memory --side 32 --output cost.json"
