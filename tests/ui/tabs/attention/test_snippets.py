"""The Python and the command line beside a view give what the view shows."""

import shlex

import numpy as np
import pytest

from ldznet.backbone import generate
from ldznet.cli import main
from ldznet.pipeline import Segmenter
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Drawing
from ldznet.ui.tabs.attention.handlers import Handlers
from ldznet.ui.tabs.attention.inside import Asked, Choices
from ldznet.ui.tabs.attention.page import FIND, VIEWS, look_into
from ldznet.ui.tabs.attention.snippets import command_line, python_code

CHOICES = Choices((4, 12), False, 13, 9, 10)


@pytest.fixture
def models(pocket, monkeypatch):
    monkeypatch.setattr(Segmenter, "from_pretrained", lambda *_, **__: pocket)
    return Models(pocket)


@pytest.fixture
def inside(models):
    picture = read_examples()[1].comparison.picture
    return look_into(models, picture, Asked("yellow heart", 250, 4))


def run(code):
    names = {}
    exec(code, names)
    return names


def test_the_python_gives_the_arrays_of_its_view(models, inside):
    found = {}
    for view in VIEWS:
        inside, found[view] = FIND[view](models, inside, CHOICES)
    given = {view: run(python_code(inside, view, CHOICES)) for view in VIEWS}
    assert np.array_equal(given["words"]["words"].maps, found["words"].maps)
    attention, fusion = found["point"]
    assert np.allclose(given["point"]["looks"].map, attention.map, atol=1e-6)
    assert np.array_equal(given["point"]["reads"].map, fusion.map)
    for name, strip in zip(("times", "blocks"), found["features"], strict=True):
        for one, other in zip(given["features"][name].colours, strip.colours, strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(given["text"]["change"], found["text"])
    assert np.array_equal(given["latent"]["latent"].channels, found["latent"].channels)


def test_the_python_of_a_generated_picture_draws_it_again(models, pocket):
    made = generate(pocket.backbone, "a red ball", negative_prompt="tree", steps=4, seed=8)
    handlers = Handlers(models, read_examples())
    drawing = Drawing(made, "pocket")
    controls = [], [], [], [7], False, 14, 8, 12
    *_, python, shell = handlers.take(drawing, "text", "", 300, 0, *controls)
    names = run(python)
    assert np.array_equal(names["generation"].image, made.image)
    assert f"timestep={made.feature_timestep or 0}" in python or not made.feature_timestep
    assert shell.startswith("#")


def test_the_command_writes_the_arrays(models, inside, tmp_path):
    words = shlex.split(command_line(inside, CHOICES))
    assert words[:3] == ["python", "-m", "ldznet"]
    words[words.index("--output") + 1] = str(tmp_path / "inside")
    main(words[3:])
    _, found = FIND["words"](models, inside, CHOICES)
    with np.load(tmp_path / "inside" / "words.npz") as written:
        assert np.allclose(written["maps"], found.maps, atol=1e-6)
    _, (attention, fusion) = FIND["point"](models, inside, CHOICES)
    with np.load(tmp_path / "inside" / "point.npz") as written:
        assert np.allclose(written["self_attention"], attention.map, atol=1e-6)
        assert np.allclose(written["fusion"], fusion.map, atol=1e-6)
