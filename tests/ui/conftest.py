"""The app as a visitor meets it: `python app.py` on a free port, with a log of its own."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WAIT = 20_000  # milliseconds, for a busy machine


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


def _wait(server, process, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(server.url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"The app did not start:\n{server.log.read_text()}")


@pytest.fixture(scope="session")
def browser():
    """Chromium; without it the test is left out."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser):
    """A browser's memory: the files of the page are fetched once."""
    return browser.new_context()


@pytest.fixture
def open_page(context, server):
    """Opens the app in a page of its own; afterwards, no page may have complained."""
    pages, complaints = [], []

    def open_page(width, height):
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.goto(server.url)
        page.wait_for_selector(".card .layer")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert complaints == []
    log = server.log.read_text()
    assert not re.search("warn|error|traceback", log, re.IGNORECASE), log


@pytest.fixture
def page(open_page):
    return open_page(1440, 900)
