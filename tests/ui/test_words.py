"""Unknown words and what is offered in their place."""

import pytest

from ldznet.ui.models import Models
from ldznet.ui.world import draw_word_note, replace_word, unknown_words


@pytest.fixture(scope="module")
def models(pocket):
    return Models(pocket)


def test_words_of_the_world_are_known(models):
    assert unknown_words(models, ["all red balls", "small cup left of the house"]) == {}
    assert draw_word_note(models, ["the two cars"]) == ""


def test_misspelt_words_are_offered_their_nearest(models):
    assert unknown_words(models, ["red umbrela", "mushrom"]) == {
        "umbrela": ("umbrella", "umbrellas"),
        "mushrom": ("mushroom", "mushrooms"),
    }
    assert 'data-pick="umbrela→umbrella"' in draw_word_note(models, ["red umbrela"])


def test_a_word_like_none_is_named_all_the_same(models):
    note = draw_word_note(models, ["zzz"])
    assert "never seen &#x27;zzz&#x27;" in note or "never seen 'zzz'" in note
    assert "data-pick" not in note


def test_several_unknown_words_are_named_in_one_sentence(models):
    note = draw_word_note(models, ["zebra dragon", "red umbrela"])
    assert note.count("never seen") == note.count("<p") == 1
    assert "'zebra', 'dragon' or 'umbrela'; for 'umbrela' it knows" in note
    assert "'zebra' or 'dragon'; open “Words it knows”" in draw_word_note(models, ["zebra dragon"])


def test_a_pick_replaces_its_word_only():
    assert replace_word("red Umbrela, tree", "umbrela→umbrella") == "red umbrella, tree"
    assert replace_word("red ball", "umbrela→umbrella") == "red ball"
    assert replace_word("red ball", "→x") == "red ball"
    assert replace_word("red ball, bal", "bal→ball") == "red ball, ball"
