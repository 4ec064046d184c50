"""What is taken home of a view: figures that open, arrays that are those shown."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ldznet.ui.models import Models
from ldznet.ui.state import Picture
from ldznet.ui.tabs.attention.downloads import PLATES, take
from ldznet.ui.tabs.attention.inside import Asked, Choices
from ldznet.ui.tabs.attention.page import find_point, find_words, look_into

CHOICES = Choices((3, 11), False, 14, 8, 12)


@pytest.fixture(scope="module")
def models(segmenter):
    return Models(segmenter, "random")


@pytest.fixture
def inside(models, picture):
    return look_into(models, Picture(picture, "test"), Asked("red ball", 300, 5))


@pytest.mark.parametrize("name", PLATES)
def test_every_figure_comes_as_png_and_as_npz(models, inside, name):
    _, title, content = take(models, inside, f"png:{name}", CHOICES)
    assert title == f"ldznet-{name}.png"
    assert min(Image.open(io.BytesIO(content)).size) > 200
    _, title, content = take(models, inside, f"npz:{name}", CHOICES)
    assert title == f"ldznet-{name}.npz"
    with np.load(io.BytesIO(content)) as arrays:
        settings = json.loads(str(arrays["settings"]))
    if name != "latent":
        assert (settings["phrase"], settings["seed"]) == ("red ball", 5)


def test_the_arrays_are_those_shown(models, inside):
    inside, _, content = take(models, inside, "npz:words", CHOICES)
    _, found = find_words(models, inside, CHOICES)
    with np.load(io.BytesIO(content)) as arrays:
        assert np.array_equal(arrays["maps"], found.maps)
        assert tuple(arrays["words"]) == found.words
    inside, _, content = take(models, inside, "npz:fusion", CHOICES)
    _, (_, fusion) = find_point(models, inside, CHOICES)
    with np.load(io.BytesIO(content)) as arrays:
        assert np.array_equal(arrays["fusion"], fusion.map)
