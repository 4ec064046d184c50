"""The package as `pip install` leaves it: whole, with its requirements, run away from the clone."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from ldznet.pipeline import find_assets, load_backbone

ROOT = Path(__file__).parents[1]


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package out of a wheel; what it requires is at hand already."""
    folder = tmp_path_factory.mktemp("packaging")
    sources = folder / "sources"  # so that building leaves nothing in the clone
    shutil.copytree(ROOT / "ldznet", sources / "ldznet", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, sources)
    assert run(*pip, *wheel, cwd=folder).returncode == 0
    (built,) = folder.glob("*.whl")
    target = folder / "installed"
    install = ("install", "--no-deps", "--no-index", "--target", target, built)
    assert run(*pip, *install, cwd=folder).returncode == 0
    return target


def test_the_wheel_holds_every_file_of_the_package(installed):
    def files(folder):
        names = {path.relative_to(folder) for path in (folder / "ldznet").rglob("*.*")}
        return {name for name in names if name.suffix != ".pyc"}

    assert files(installed) == files(ROOT)


def test_it_requires_what_is_pinned_and_brings_the_command(installed):
    (metadata,) = installed.glob("*.dist-info")
    distribution = Distribution.at(metadata)
    assert distribution.requires == (ROOT / "requirements.txt").read_text().split()
    (command,) = distribution.entry_points
    assert (command.name, command.value) == ("ldznet", "ldznet.cli:main")
    assert (installed / "bin" / "ldznet").exists()


def test_it_segments_with_a_clones_assets_and_without_what_can_be_left_out(installed, tmp_path):
    package = shutil.copytree(installed / "ldznet", tmp_path / "ldznet")
    for part in ("execution", "experiments"):
        shutil.rmtree(package / part)
    picture = ROOT / "examples" / "photo-108.png"
    phrase = json.loads((ROOT / "examples" / "examples.json").read_text())["examples"][0]["phrases"]
    options = ("--network", "znet", "--output", "masks")
    result = run(
        *("-m", "ldznet", "segment", picture, phrase[0], *options),
        cwd=tmp_path,  # from where Python takes the package
        LDZNET_ASSETS=str(ROOT / "assets"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "masks" / "znet-overlay.png").exists()


def test_without_a_clone_one_sentence_says_where_the_assets_are(monkeypatch, tmp_path):
    monkeypatch.setattr("ldznet.pipeline.loading.ASSETS", tmp_path / "assets")
    monkeypatch.delenv("LDZNET_ASSETS", raising=False)
    with pytest.raises(ValueError, match=r"clone the repository .* or set LDZNET_ASSETS") as error:
        load_backbone()
    assert "\n" not in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_assets_may_be_at_a_hub_id(monkeypatch, tmp_path):
    (tmp_path / "networks" / "pocket").mkdir(parents=True)
    calls = []

    def fetch(model, revision, files):
        calls.append((model, revision, files))
        return tmp_path

    monkeypatch.setattr("ldznet.checkpoints.hub.fetch", fetch)
    monkeypatch.setenv("LDZNET_ASSETS", "someone/assets@main")
    assert find_assets("networks/pocket") == tmp_path / "networks" / "pocket"
    assert calls == [("someone/assets", "main", ["networks/pocket/*"])]
    with pytest.raises(ValueError, match="'pocket' is not here"):
        find_assets("pocket")
