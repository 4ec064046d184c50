"""What may be asked for."""

import re

import pytest

from ldznet.phrases import MAX_PHRASE_LENGTH, MAX_PHRASES, apply_template, check_phrases


def test_good_phrases_lose_only_the_space_around_them():
    assert check_phrases(["red ball", "  the car\n"]) == ("red ball", "the car")
    assert check_phrases(("x" * MAX_PHRASE_LENGTH,) * MAX_PHRASES)


@pytest.mark.parametrize(
    ("phrases", "message"),
    [
        ([], "at least one"),
        (["ball", " \t"], "Phrase 2 is empty"),
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
