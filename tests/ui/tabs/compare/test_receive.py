"""A picture handed over by another tab."""

import numpy as np
import pytest

from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import FIRST_COLUMNS, Picture
from ldznet.ui.tabs.compare.handlers import SKIP, Handlers
from ldznet.ui.tabs.compare.layout import Messages

LOOK = ("overlay", 0.5, 0.45, None, FIRST_COLUMNS, "znet", "ldznet")


@pytest.fixture(scope="module")
def handlers(segmenter):
    return Handlers(Models(segmenter, "random"), read_examples())


def test_it_is_searched_for_the_phrases_handed_over(handlers, picture, segmenter):
    handed = Picture(picture, about="from elsewhere", ask=("red ball", "tree"))
    outputs = handlers.receive(handed, *LOOK)
    image, text, truth, number, comparison, cards, settings, *_ = outputs
    assert np.array_equal(image, picture)
    assert (text, truth, number) == ("red ball, tree", None, SKIP)
    expected = segmenter.compare(picture, ["red ball", "tree"])
    for name, found in comparison.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    assert cards.count("<figure") == 3
    assert "from elsewhere" in settings


def test_without_phrases_it_waits_to_be_asked(handlers, picture):
    outputs = handlers.receive(Picture(picture, about="from elsewhere"), *LOOK)
    assert np.array_equal(outputs[0], picture)
    assert outputs[1] == ""
    assert outputs[4] == SKIP  # the comparison from before
    messages = Messages(*outputs[-len(Messages._fields) :])
    assert "Write what to find" in messages.phrases


def test_nothing_handed_over_changes_nothing(handlers):
    assert set(map(str, handlers.receive(None, *LOOK)[: -len(Messages._fields)])) == {str(SKIP)}
