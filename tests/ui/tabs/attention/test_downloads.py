"""What is taken home of a view: figures that open, arrays that are those shown."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ldznet.ui.models import Models
from ldznet.ui.state import Picture
from ldznet.ui.tabs.attention.session import Choices, Question, look_into
from ldznet.ui.tabs.attention.views import PLATES, compute_point, compute_words, take_home

CHOICES = Choices((3, 11), False, 14, 8, 12)


@pytest.fixture(scope="module")
def models(segmenter):
    return Models(segmenter, "random")


@pytest.fixture
def inspection(models, picture):
    return look_into(models.home, Picture(picture, "test"), Question("red ball", 300, 5))


@pytest.mark.parametrize("name", PLATES)
def test_every_figure_comes_as_png_and_as_npz(models, inspection, name):
    _, title, content = take_home(models.of, inspection, f"png:{name}", CHOICES)
    assert title == f"ldznet-{name}.png"
    assert min(Image.open(io.BytesIO(content)).size) > 200
    _, title, content = take_home(models.of, inspection, f"npz:{name}", CHOICES)
    assert title == f"ldznet-{name}.npz"
    with np.load(io.BytesIO(content)) as arrays:
        settings = json.loads(str(arrays["settings"]))
    if name != "latent":
        assert (settings["phrase"], settings["seed"]) == ("red ball", 5)


def test_the_arrays_are_those_shown(models, inspection):
    inspection, _, content = take_home(models.of, inspection, "npz:words", CHOICES)
    _, maps = compute_words(models.of, inspection, CHOICES)
    with np.load(io.BytesIO(content)) as arrays:
        assert np.array_equal(arrays["maps"], maps.maps)
        assert tuple(arrays["words"]) == maps.words
    inspection, _, content = take_home(models.of, inspection, "npz:fusion", CHOICES)
    _, (_, fusion) = compute_point(models.of, inspection, CHOICES)
    with np.load(io.BytesIO(content)) as arrays:
        assert np.array_equal(arrays["fusion"], fusion.map)
