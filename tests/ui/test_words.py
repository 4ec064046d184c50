"""Unknown words and what is offered in their place."""

from html import unescape

import pytest

from ldznet.ui.models import Loaded
from ldznet.ui.world import draw_word_note, replace_word, unknown_words


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
