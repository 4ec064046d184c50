"""What a backbone knows: words it has never seen, and pictures unlike pocket's world."""

from html import unescape

import numpy as np
import pytest

from ldznet.data.shapes import STYLES, draw_scene
from ldznet.ui.models import Loaded
from ldznet.ui.world import draw_word_note, is_far, replace_word, unknown_words


@pytest.fixture(scope="module")
def loaded(pocket):
    return Loaded(pocket)


def test_words_of_the_world_are_known(loaded):
    assert unknown_words(loaded, ["all red balls", "small cup left of the house"]) == {}
    assert draw_word_note(loaded, ["the two cars"]) == ""


def test_misspelt_words_are_offered_their_nearest(loaded):
    assert unknown_words(loaded, ["red umbrela", "mushrom"]) == {
        "umbrela": ("umbrella", "umbrellas"),
        "mushrom": ("mushroom", "mushrooms"),
    }
    assert 'data-pick="umbrela→umbrella"' in draw_word_note(loaded, ["red umbrela"])


def test_a_word_like_none_is_named_all_the_same(loaded):
    note = draw_word_note(loaded, ["zzz"])
    assert "never seen 'zzz'" in unescape(note)
    assert "data-pick" not in note


def test_several_unknown_words_are_named_in_one_sentence(loaded):
    note = unescape(draw_word_note(loaded, ["zebra dragon", "red umbrela"]))
    assert note.count("never seen") == note.count("<p") == 1
    assert "'zebra', 'dragon' or 'umbrela'; for 'umbrela' it knows" in note
    note = unescape(draw_word_note(loaded, ["zebra dragon"]))
    assert "'zebra' or 'dragon'; open “Words it knows”" in note


def test_a_pick_replaces_its_word_only():
    assert replace_word("red Umbrela, tree", "umbrela→umbrella") == "red umbrella, tree"
    assert replace_word("red ball", "umbrela→umbrella") == "red ball"
    assert replace_word("red ball", "→x") == "red ball"
    assert replace_word("red ball, bal", "bal→ball") == "red ball, ball"


@pytest.mark.parametrize("style", [style for style in STYLES if style != "sketch"])
def test_scenes_are_near(pocket, style):
    loaded = Loaded(pocket)
    far = [is_far(loaded, draw_scene(number, style).image) for number in range(700, 712)]
    assert sum(far) <= 1


def test_noise_is_far(pocket):
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    assert is_far(Loaded(pocket), noise)


def test_another_backbone_is_not_judged_by_pockets_limit(segmenter):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert not is_far(Loaded(segmenter, "another"), noise)
