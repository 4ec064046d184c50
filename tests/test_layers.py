"""Imports point one way: the lower layers never know the higher ones."""

import ast
import re
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = (
    {"types", "blocks", "images", "phrases", "metrics"},
    {"checkpoints", "execution"},
    {"backbone", "data", "networks", "peers"},
    {"pipeline"},
    {"evaluation", "inspection"},
    {"figures", "training"},
    {"results"},
    {"ui"},
    {"experiments"},
    {"cli"},
    {"__main__", "app"},
)
ROW = {part: row for row, parts in enumerate(ROWS) for part in parts}
ROW["__init__"] = ROW["pipeline"]  # the public names, none of them an application
STRANGERS = ROWS[2]  # these do not import each other
# Heavy or special libraries, and the only parts that may import them.
KEPT_TO = {
    "gradio": {"ui", "experiments", "app"},
    "gradio_client": set(),
    "matplotlib": {"figures", "experiments"},
    "accelerate": {"training", "experiments"},
    "argparse": {"cli", "experiments", "results"},
}
# What can be deleted, and who makes use of it where it is there.
OPTIONAL = {"execution": {"pipeline", "experiments"}, "experiments": {"cli"}}
# Where the name in the requirements is not the name in an import.
DISTRIBUTION = {"PIL": "pillow"}

FILES = sorted(ROOT.glob("ldznet/**/*.py")) + sorted(ROOT.glob("app.py"))


def part_of(path: Path) -> str:
    """The layer's name of a file: ldznet/data/base.py is `data`, ldznet/metrics.py `metrics`."""
    inside = path.relative_to(ROOT).parts
    return Path(inside[1] if inside[0] == "ldznet" else inside[0]).stem


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """Every module a source imports anywhere, lazily too, with `from a import b` as a and a.b."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            modules |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return modules


def imports_of(path: Path) -> set[str]:
    return imported(path.read_text(), path.relative_to(ROOT).parts[:-1])


def parts_imported(modules: set[str]) -> set[str]:
    """The parts of ldznet among imported modules; a public name stands for `__init__`."""
    names = {module.split(".")[1] for module in modules if module.startswith("ldznet.")}
    return {name if name in ROW else "__init__" for name in names}


def violations(part: str, modules: set[str]) -> list[str]:
    """What is wrong with a file of `part` that imports `modules`, in words."""
    wrong = []
    for other in sorted(parts_imported(modules) - {part}):
        if ROW[other] > ROW[part]:
            wrong.append(f"{part} must not import the higher {other}")
        elif {part, other} <= STRANGERS:
            wrong.append(f"{part} and {other} do not know each other")
    for library in sorted({module.split(".")[0] for module in modules} & KEPT_TO.keys()):
        if part not in KEPT_TO[library]:
            wrong.append(f"{part} must not import {library}")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    assert part_of(path) in ROW, "a new part needs its row in ROWS"
    assert violations(part_of(path), imports_of(path)) == []


def test_no_parts_import_each_other_in_a_circle():
    graph = defaultdict(set)
    for path in FILES:
        graph[part_of(path)] |= parts_imported(imports_of(path)) - {part_of(path)}
    TopologicalSorter(graph).prepare()  # raises CycleError
    with pytest.raises(CycleError):
        TopologicalSorter({**graph, "types": {"metrics"}, "metrics": {"types"}}).prepare()


@pytest.mark.parametrize(("part", "users"), OPTIONAL.items())
def test_a_part_that_can_be_left_out_has_few_users(part, users):
    importing = {part_of(path) for path in FILES if part in parts_imported(imports_of(path))}
    assert importing - {part} <= users


def test_every_import_is_pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    pinned = {line.split("==")[0].replace("-", "_") for line in lines}
    known = pinned | set(sys.stdlib_module_names) | {"ldznet"}
    for path in FILES:
        libraries = {module.split(".")[0] for module in imports_of(path)}
        names = {DISTRIBUTION.get(library, library) for library in libraries}
        assert names <= known, f"{path.name} imports a library that requirements.txt does not pin"


@pytest.mark.parametrize(
    ("part", "source", "problem"),
    [
        ("networks", "from ldznet.backbone.ldm import LatentDiffusion", "do not know each other"),
        ("metrics", "def f():\n    from ldznet import pipeline", "must not import the higher"),
        ("types", "from . import blocks, training", "must not import the higher training"),
        ("pipeline", "import gradio as gr", "must not import gradio"),
        ("ui", "from matplotlib import pyplot", "must not import matplotlib"),
        ("networks", "import accelerate.utils", "must not import accelerate"),
        ("data", "from ldznet import Segmenter", "must not import the higher __init__"),
    ],
)
def test_the_rule_itself_sees_a_violation(part, source, problem):
    assert any(problem in wrong for wrong in violations(part, imported(source, ("ldznet",))))
