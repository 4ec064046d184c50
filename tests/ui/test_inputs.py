"""Which phrases and numbers are read, and which are refused in one sentence."""

import math

import pytest

from ldznet.ui.inputs import check_threshold, read_phrase_list, read_phrases, read_whole


@pytest.mark.parametrize("value", [0, -3, 7.0, 10**400])
def test_whole_numbers_are_read(value):
    found = read_whole("seed", value)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize("value", [2.5, math.nan, math.inf, -math.inf, None, "3", True, [3], {}])
def test_anything_else_is_refused_by_its_name(value):
    with pytest.raises(ValueError, match=r"^Give the seed as a whole number(; got 2\.5)?\.$"):
        read_whole("seed", value)


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "x", True, [0.5], -0.1, 1.1])
def test_a_threshold_is_a_probability(value):
    with pytest.raises(ValueError, match=r"^The threshold is a probability, 0 to 1"):
        check_threshold(value)


def test_only_a_single_text_is_parted():
    text = "the ball, red; \u201ccar\u201d\uff0cthe\u200b ball\n\u200b"
    assert read_phrases(text) == ("the ball", "red", '"car"')
    assert read_phrase_list(text) == read_phrases(text)
    items = ["the ball, red", "red ball", "red ball", "a\nb"]
    assert read_phrase_list(items) == ("the ball, red", "red ball", "red ball", "a b")


def test_an_empty_item_is_refused_by_its_place():
    with pytest.raises(ValueError, match=r"^Phrase 2 is empty"):
        read_phrase_list(["ball", "\u200b"])
