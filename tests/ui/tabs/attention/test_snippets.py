"""The Python and the command line beside a view give what the view shows."""

import shlex
from types import SimpleNamespace

import numpy as np
import pytest

from ldznet.backbone import generate
from ldznet.cli import main
from ldznet.pipeline import Segmenter
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Drawing
from ldznet.ui.tabs.attention.handlers import Handlers
from ldznet.ui.tabs.attention.session import Choices, Question, look_into
from ldznet.ui.tabs.attention.snippets import command_line, python_code
from ldznet.ui.tabs.attention.views import VIEWS

CHOICES = Choices((4, 12), False, 13, 9, 10)
REQUEST = SimpleNamespace(session_hash=None)  # of a session that chose no backbone


@pytest.fixture
def models(pocket, monkeypatch):
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: pocket)
    return Models(pocket)


@pytest.fixture
def inspection(models):
    picture = read_examples()[1].comparison.picture
    return look_into(models.home, picture, Question("yellow heart", 250, 4))


def run(code):
    names = {}
    exec(code, names)
    return names


def test_the_python_gives_the_arrays_of_its_view(models, inspection):
    results = {}
    for view in VIEWS:
        inspection, results[view] = VIEWS[view].compute(models.of, inspection, CHOICES)
    given = {view: run(python_code(inspection, view, CHOICES)) for view in VIEWS}
    assert np.array_equal(given["words"]["words"].maps, results["words"].maps)
    attention, fusion = results["point"]
    assert np.allclose(given["point"]["looks"].map, attention.map, atol=1e-6)
    assert np.array_equal(given["point"]["reads"].map, fusion.map)
    for name, strip in zip(("times", "blocks"), results["features"], strict=True):
        for one, other in zip(given["features"][name].colours, strip.colours, strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(given["text"]["change"], results["text"])
    assert np.array_equal(given["latent"]["latent"].channels, results["latent"].channels)


def test_the_python_of_a_generated_picture_draws_it_again(models, pocket):
    made = generate(pocket.backbone, "a red ball", negative_prompt="tree", steps=5, seed=8)
    handlers = Handlers(models, read_examples())
    drawing = Drawing(made, "pocket")
    choices = Choices((7,), False, 14, 8, 12)
    answer = handlers.receive(REQUEST, drawing, "text", Question("", 300, 0), choices)
    python, shell = answer["python"], answer["shell"]
    names = run(python)
    assert np.array_equal(names["generation"].image, made.image)
    assert made.feature_timestep is not None
    assert f"timestep={made.feature_timestep}" in python
    assert shell.startswith("#")


def test_the_command_writes_the_arrays(models, inspection, tmp_path):
    words = shlex.split(command_line(inspection, CHOICES))
    assert words[:3] == ["python", "-m", "ldznet"]
    words[words.index("--output") + 1] = str(tmp_path / "inside")
    main(words[3:])
    _, maps = VIEWS["words"].compute(models.of, inspection, CHOICES)
    with np.load(tmp_path / "inside" / "words.npz") as written:
        assert np.allclose(written["maps"], maps.maps, atol=1e-6)
    _, (attention, fusion) = VIEWS["point"].compute(models.of, inspection, CHOICES)
    with np.load(tmp_path / "inside" / "point.npz") as written:
        assert np.allclose(written["self_attention"], attention.map, atol=1e-6)
        assert np.allclose(written["fusion"], fusion.map, atol=1e-6)
