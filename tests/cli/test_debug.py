"""`--debug`: a failure shows where it happened; without it, one sentence."""

import pytest

from ldznet.cli import main

FAILING = ["evaluate", "--dataset", "nowhere"]


@pytest.mark.parametrize(
    "command",
    [
        ["--debug", *FAILING],
        [*FAILING, "--debug"],
        ["experiment", "memory", "--side", "3", "--debug"],
        ["experiment", "--debug", "memory", "--side", "3"],
    ],
)
def test_the_traceback_is_shown_before_the_sentence(command, tmp_path, capsys):
    assert main([*command, "--output", str(tmp_path / "out.json")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert any("in run" in line for line in lines)
    assert lines[-1].startswith("ldznet: ")


def test_without_it_there_is_one_sentence(tmp_path, capsys):
    assert main([*FAILING, "--output", str(tmp_path / "out.json")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
