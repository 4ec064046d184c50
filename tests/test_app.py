"""The Space's entry: ports, and one sentence instead of a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app import free_port

ROOT = Path(__file__).parents[1]


def test_it_is_short():
    assert len((ROOT / "app.py").read_text().splitlines()) <= 40


def test_the_next_free_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) <= port + 100


def test_a_free_port_is_kept():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert free_port(port) == port


def start(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "app.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("port", ["web", "-1", "70000"])
def test_an_impossible_port_is_one_sentence(port):
    result = start(PORT=port)
    assert result.returncode == 1
    assert result.stderr == f"ldznet: PORT must be a number from 1 to 65535; got '{port}'.\n"


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--debug"], {}), ([], {"LDZNET_DEBUG": "1"})]
)
def test_debugging_shows_where_a_failure_began(arguments, environment):
    result = start(*arguments, PORT="web", **environment)
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("PORT must be a number from 1 to 65535; got 'web'.\n")
