"""The app as a visitor's program meets it: start, first mask, and many at once, over HTTP."""

import io
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from PIL import Image

from ldznet.experiments.bench.pocket import draw_example
from ldznet.experiments.measuring import seconds_of
from ldznet.networks import NETWORKS

PATIENCE = 120  # seconds


@dataclass(frozen=True)
class AppTimes:
    """Seconds as seen from outside."""

    first_mask: float  # from the start of the process
    one_user: dict[str, float]  # p50 and p95 of Compare's three networks on one picture
    many_users: dict[str, float]  # the same for each of `users` who ask at the same time
    users: int


def measure_app() -> dict[str, Any]:
    """The app on pocket, over HTTP; the machine should have nothing else to do."""
    return asdict(time_app())


def time_app(requests: int = 20, users: int = 8, rounds: int = 3) -> AppTimes:
    """Start the app; one request, `requests` in a row, then `users` at once for some rounds."""
    image, phrases = draw_example(1, 128)
    start = time.perf_counter()
    with _running_app() as url:
        visitor = _Visitor(url, image, phrases)
        visitor()
        first = time.perf_counter() - start
        alone = [seconds_of(visitor) for _ in range(requests)]
        together: list[float] = []
        with ThreadPoolExecutor(users) as crowd:
            for _ in range(rounds):
                together += crowd.map(lambda _: seconds_of(visitor), range(users))
    return AppTimes(first, _percentiles(alone), _percentiles(together), users)


class _Visitor:
    """Asks /compare for one picture, as a program would."""

    def __init__(self, url: str, image, phrases: Sequence[str]) -> None:
        self.url = f"{url}gradio_api/"
        self.phrases = ", ".join(phrases)
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        self.picture = {
            "path": self._upload(file.getvalue()),
            "meta": {"_type": "gradio.FileData"},
        }

    def __call__(self) -> None:
        body = json.dumps(
            {"data": [self.picture, self.phrases, 0.5, 0, 400, list(NETWORKS)]}
        ).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(f"{self.url}call/compare", body, headers), timeout=PATIENCE) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{self.url}call/compare/{event}", timeout=PATIENCE) as answer:
            events = answer.read().decode()
        if "event: complete" not in events:
            raise ValueError(f"The app did not answer the comparison: {events[-200:]}")

    def _upload(self, content: bytes) -> str:
        border = uuid.uuid4().hex
        body = (
            f"--{border}\r\nContent-Disposition: form-data; "
            'name="files"; filename="scene.png"\r\nContent-Type: image/png\r\n\r\n'
        ).encode() + content
        body += f"\r\n--{border}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={border}"}
        with urlopen(Request(f"{self.url}upload", body, headers), timeout=PATIENCE) as answer:
            return json.load(answer)[0]


@contextmanager
def _running_app() -> Iterator[str]:
    """The address of the app in a process of its own, once it answers; stopped afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise ValueError("The app did not start; run `make demo` to see why.")


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    steps = statistics.quantiles(seconds, n=20, method="inclusive")
    return {"p50": statistics.median(seconds), "p95": steps[-1]}
