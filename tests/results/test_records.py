"""The state of code and machine, checked against git and the standard library."""

import json
import os
import subprocess
from pathlib import Path

import torch

from ldznet.results.records import commit, machine


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
