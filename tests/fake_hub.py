"""A hub of our own on this machine: what huggingface_hub asks for, and every way to refuse it."""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """One model, `owner/model`, of a folder's files; the rest is told by these."""

    url: str
    model: str = "owner/model"
    commit: str = COMMIT
    branches: tuple[str, ...] = ("main",)  # and other refs, all of that commit
    folder: Path | None = None
    refuse: dict[str, tuple[int, str]] = field(default_factory=dict)  # in path -> status, code
    cut: str = ""  # a file of which only half is sent
    sizes: dict[str, int] = field(default_factory=dict)  # what it claims of files
    served: list[str] = field(default_factory=list)  # files whose content was sent


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        hub, path = self.hub, self.path.split("?")[0]
        for part, (status, code) in hub.refuse.items():
            if part in path:
                return self.send(status, b"{}", with_body, {"X-Error-Code": code} if code else {})
        if hub.model not in path:
            return self.send(401, b"{}", with_body, {"X-Error-Code": "RepoNotFound"})
        revision = re.search("/(?:revision|tree|resolve)/([^/]+)", path)
        if revision and unquote(revision[1]) not in (*hub.branches, hub.commit):
            return self.send(404, b"{}", with_body, {"X-Error-Code": "RevisionNotFound"})
        files = sorted(each for each in hub.folder.rglob("*") if each.is_file())
        names = {str(each.relative_to(hub.folder)): each for each in files}
        if "/revision/" in path or path == f"/api/models/{hub.model}":
            siblings = [{"rfilename": name} for name in names]
            content = {"id": hub.model, "sha": hub.commit, "siblings": siblings}
            return self.send(200, json.dumps(content).encode(), with_body)
        if "/tree/" in path:
            rows = [
                {
                    "type": "file",
                    "path": name,
                    "oid": hashlib.sha1(each.read_bytes()).hexdigest(),
                    "size": hub.sizes.get(name, each.stat().st_size),
                }
                for name, each in names.items()
            ]
            return self.send(200, json.dumps(rows).encode(), with_body)
        name = path.split("/resolve/")[1].split("/", 1)[1]
        if name not in names:
            return self.send(404, b"", with_body, {"X-Error-Code": "EntryNotFound"})
        content = names[name].read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": hub.commit}
        size = hub.sizes.get(name, len(content))
        if with_body:
            hub.served.append(name)
            if name == hub.cut:
                content = content[: len(content) // 2]
        self.send(200, content, with_body, headers, size)

    def send(self, status, content, with_body, headers=None, size=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if size is None else size))
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The fake hub in place of the real one, with an empty cache of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    _Handler.hub = FakeHub(url)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield _Handler.hub
    server.shutdown()
    server.server_close()
