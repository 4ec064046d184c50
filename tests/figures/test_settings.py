"""The line of settings, as a reader writes it."""

import pytest

from ldznet.figures.settings import number_ranges, settings_line


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((7,), "7"),
        ((3, 4, 11, 12, 13), "3, 4, 11–13"),
        ((13, 3, 12, 3, 11), "3, 11–13"),
        (range(1, 17), "1–16"),
    ],
)
def test_neighbours_become_ranges(numbers, text):
    assert number_ranges(tuple(numbers)) == text


def test_only_what_is_given_is_said():
    assert settings_line(seed=0) == "seed 0"
    assert settings_line(phrase="red ball", blocks=(9,), timestep=0, seed=3) == (
        "“red ball” · block 9 · timestep 0 · seed 3"
    )
    assert settings_line(blocks=(1, 2)) == "blocks 1, 2"
