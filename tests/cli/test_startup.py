"""What the command line does before it knows what to run."""

import subprocess
import sys
from importlib import import_module

import pytest

from ldznet.experiments import EXPERIMENTS

SCRIPT = """
import contextlib, io, sys
from ldznet.cli import main
page = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(page):
    main(sys.argv[1:])
print(page.getvalue(), {"torch", "diffusers", "gradio"} & set(sys.modules))
"""


@pytest.mark.parametrize("command", [["--help"], ["experiment", "--help"]])
def test_help_waits_for_no_library(command):
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip().endswith("set()")
    assert "usage: ldznet" in answer.stdout
    for name, experiment in EXPERIMENTS.items() if command[0] == "experiment" else ():
        assert name in answer.stdout
        assert experiment.summary.split()[0] in answer.stdout


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_every_experiment_has_what_the_command_needs(experiment):
    module = import_module(experiment.module)
    assert callable(module.add_arguments)
    assert callable(module.run)
