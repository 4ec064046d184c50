"""The app as a visitor meets it: `python app.py` on a free port, with a log of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    url: str
    log: Path


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The running app; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    server = Server(f"http://127.0.0.1:{port}/", folder / "log.txt")
    environment = {
        **os.environ,
        "PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "files"),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    with server.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(10)


def _wait(server, process, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(server.url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"The app did not start:\n{server.log.read_text()}")
