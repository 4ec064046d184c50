"""Which word the Words panel opens on."""

import numpy as np
import pytest

from ldznet.inspection import WordMaps
from ldznet.ui.tabs.attention.views import default_word


@pytest.mark.parametrize(
    ("phrase", "word"),
    [
        ("a photo of a Red Ball left of two blue stars on grass", "Ball"),
        ("all red balls", "balls"),
        ("tree left of the house", "tree"),
        ("on top", "top"),
        ("", "start"),
    ],
)
def test_it_opens_on_the_noun_of_the_first_thing_named(phrase, word):
    words = ("start", *phrase.split(), "end")
    special = (True, *[False] * (len(words) - 2), True)
    maps = np.zeros((len(words), 2, 2), np.float32)
    word_maps = WordMaps(phrase, words, special, maps, blocks=(1,), timestep=400, seed=0)
    assert words[default_word(word_maps)] == word
