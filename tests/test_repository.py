"""The repository as a visitor finds it: live links, commands that are there, no stray weights."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ldznet.cli import build_parser

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path
    for place in ("*.md", "docs/*.md", "assets/**/*.md", "examples/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(place)
]
TEXTS = [*DOCUMENTS, *ROOT.glob("assets/**/*.json"), *ROOT.glob("app.py")] + [
    path for folder in ("ldznet", "tests", "docs") for path in ROOT.glob(f"{folder}/**/*.py")
]
WEIGHTS_LIMIT = 80_000_000  # bytes of weights that a clone has to carry


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_exist(path):
    wrong = []
    for target in targets_in(path):
        file, _, place = target.partition("#")
        linked = path.parent / file if file else path
        if not linked.exists() or (place and place not in anchors_in(linked)):
            wrong.append(target)
    assert wrong == []


def targets_in(path):
    """What a document's links and pictures point to, as far as it is in the repository."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)|(?:src|href)=\"([^\"]+)\"", text)
    return [a or b for a, b in targets if not re.match(r"https?:|mailto:", a or b)]


def anchors_in(path):
    """The names that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_picture_of_the_documents_is_shown():
    shown = {(path.parent / target).resolve() for path in DOCUMENTS for target in targets_in(path)}
    pictures = {path for path in ROOT.glob("docs/*") if path.suffix in (".png", ".svg")}
    assert pictures <= shown


def commands_in(path):
    """The commands of ours that a document shows, as arguments."""
    text = " ".join(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL).split())
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text(), flags=re.DOTALL)
    lines = re.findall(r"`(python [^`]+)`", text) + "\n".join(blocks).splitlines()
    return [shlex.split(line)[3:] for line in lines if "python -m ldznet " in line]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_shown_can_be_given(path, capsys):
    for arguments in commands_in(path):
        try:
            build_parser().parse_args(arguments)
        except SystemExit:  # a mention may leave out where the result goes
            assert "are required: --output" in capsys.readouterr().err, arguments
            build_parser().parse_args([*arguments, "--output", "result"])


def test_commands_are_seen():
    assert len(commands_in(ROOT / "README.md")) >= 3
    assert len(commands_in(ROOT / "docs" / "results.md")) >= 9


def test_weights_are_safetensors_and_small():
    files = [path for path in ROOT.glob("assets/**/*") if path.is_file()]
    unsafe = {".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".npy"}
    assert [path.name for path in files if path.suffix in unsafe] == []
    weights = sum(path.stat().st_size for path in files if path.suffix == ".safetensors")
    assert weights <= WEIGHTS_LIMIT


def test_no_path_of_a_private_machine():
    homes = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/\w")
    assert [path.name for path in TEXTS if homes.search(path.read_text())] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
class TestMakefile:
    @staticmethod
    def make(*arguments, cwd=ROOT, **environment):
        return subprocess.run(
            ["make", *arguments],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_help_lists_every_target(self):
        listed = re.findall(r"make (\w+)", self.make("help").stdout)
        assert listed == ["help", "demo", "test", "lint", "bench", "pocket"]

    @pytest.fixture
    def clone(self, tmp_path):
        """A clone whose environment is only a pip that notes its calls, and an app that says so."""
        for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, tmp_path)
        binaries = tmp_path / ".venv" / "bin"
        binaries.mkdir(parents=True)
        (binaries / "pip").touch()
        (binaries / "python").write_text('#!/bin/sh\necho "$@" >> calls\n')
        (binaries / "python").chmod(0o755)
        return tmp_path

    def test_a_second_demo_starts_without_installing(self, clone):
        for _ in range(2):
            assert self.make("demo", cwd=clone).returncode == 0
        calls = (clone / "calls").read_text().splitlines()
        assert [call.split()[-1] for call in calls] == ["requirements.txt", "app.py", "app.py"]

    def test_changed_requirements_install_again(self, clone):
        self.make("demo", cwd=clone)
        with (clone / "requirements.txt").open("a") as file:
            file.write("six==1.17.0\n")
        self.make("demo", cwd=clone)
        assert (clone / "calls").read_text().count("-r requirements.txt") == 2

    def test_a_failed_installation_is_tried_again(self, clone):
        python = clone / ".venv" / "bin" / "python"
        works = python.read_text()
        python.write_text("#!/bin/sh\nexit 1\n")
        assert self.make("demo", cwd=clone).returncode != 0
        python.write_text(works)
        assert self.make("demo", cwd=clone).returncode == 0
        assert "-r requirements.txt" in (clone / "calls").read_text()

    def test_an_old_python_is_refused_in_one_sentence(self, clone):
        shutil.rmtree(clone / ".venv")
        old = clone / "old"
        old.mkdir()
        for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
            (old / name).write_text("#!/bin/sh\nexit 1\n")  # says no to every question
            (old / name).chmod(0o755)
        result = self.make("demo", cwd=clone, PATH=f"{old}:{os.environ['PATH']}")
        assert result.returncode != 0
        assert "Python 3.11 or newer with its venv module is needed" in result.stderr
        assert not (clone / ".venv").exists()

    def test_a_suitable_python_makes_the_environment(self, clone):
        shutil.rmtree(clone / ".venv")
        (clone / "app.py").touch()
        for name in ("requirements.txt", "requirements-dev.txt"):
            (clone / name).write_text("")
        result = self.make("demo", cwd=clone, PYTHON=sys.executable)
        assert result.returncode == 0, result.stderr
        assert (clone / ".venv" / "bin" / "python").exists()
