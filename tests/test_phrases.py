"""What may be asked for."""

import re

import pytest

from ldznet.phrases import (
    MAX_PHRASE_LENGTH,
    MAX_PHRASES,
    apply_template,
    check_phrases,
    strip_punctuation,
)

# As typed, and as on a plain keyboard.
TYPED = {
    "  the\u00a0 car\n": "the car",
    "\u201cthe boats\u201d": '"the boats"',
    "\u201ethe boats\u201f \u00abthe boats\u00bb": '"the boats" "the boats"',
    "the boat\u2019s \u2018sail\u2019": "the boat's 'sail'",
    "T\u2010shirt T\u2011shirt T\u2013shirt T\u2212shirt": "T-shirt T-shirt T-shirt T-shirt",
    "the\u200b bo\u00adats\ufeff\u200d\u2060\u200e": "the boats",
    "\ufeff \u200b the\x00 boats\u2028": "the boats",
    "cafe\u0301 \u2764\ufe0f": "caf\u00e9 \u2764",
    "\uff32\uff45\uff44\uff01": "Red!",
    "\u0448\u0430\u0440": "\u0448\u0430\u0440",
}


@pytest.mark.parametrize("typed", TYPED)
def test_phrases_are_those_of_a_plain_keyboard(typed):
    assert check_phrases([typed]) == (TYPED[typed],)


def test_every_item_of_a_list_is_one_phrase_in_its_place():
    items = ["the ball, red", "red ball", "red ball", "a; b"]
    assert check_phrases(items) == tuple(items)
    assert check_phrases(["red ball", "  the car\n"]) == ("red ball", "the car")
    assert check_phrases(("x" * MAX_PHRASE_LENGTH,) * MAX_PHRASES)


@pytest.mark.parametrize(
    ("phrases", "message"),
    [
        ([], "at least one"),
        (["ball", " \t"], "Phrase 2 is empty"),
        (["ball", "\u200b\ufeff"], "Phrase 2 is empty"),
        (["ball"] * (MAX_PHRASES + 1), f"At most {MAX_PHRASES} .* got {MAX_PHRASES + 1}"),
        (["word " * 500], "Phrase 1 .* has 2499 characters"),
        ("red ball", "as a list"),
    ],
)
def test_others_are_refused_in_one_sentence(phrases, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_phrases(phrases)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))


def test_a_template_takes_the_phrase_as_it_is():
    assert apply_template("a photo of {}.", ["a {0} {x}"]) == ("a photo of a {0} {x}.",)


@pytest.mark.parametrize("template", ["", "photo", "{} and {}", "{0}"])
def test_a_template_without_one_place_is_refused(template):
    with pytest.raises(ValueError, match="once"):
        apply_template(template, ["ball"])


@pytest.mark.parametrize(
    ("word", "bare"),
    [
        ('"boats"', "boats"),
        ("(\u00bfboat's?)", "boat's"),
        ("\u2014", ""),
        ("!?\u2026\u3002", ""),
        ("\u2603", "\u2603"),
    ],
)
def test_what_is_only_punctuation_is_no_word(word, bare):
    assert strip_punctuation(word) == bare
