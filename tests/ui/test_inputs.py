"""Which numbers are read, and which are refused in one sentence."""

import math

import pytest

from ldznet.ui.inputs import check_threshold, read_whole


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
