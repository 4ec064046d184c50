"""Identity colours are told apart by everybody, on light and dark, and from phrases' colours."""

from itertools import combinations

import numpy as np
import pytest

from ldznet.figures.palette import PALETTE, network_colours, rgb
from ldznet.networks import NETWORKS, ZNet

# Machado, Oliveira and Fernandes (2009), table of their simulation at full severity.
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
PAPER, NIGHT = "#FFFFFF", "#131A2A"  # what cards stand on, light and dark


def linear(colour):
    """sRGB's light (IEC 61966-2-1), 0 to 1 a channel."""
    value = rgb(colour) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    """CIE L*a*b*, as an eye of this kind sees a colour."""
    seen = np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)
    x, y, z = np.array(TO_XYZ) @ seen / [0.9505, 1, 1.089]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other, vision="normal"):
    return np.linalg.norm(lab(one, vision) - lab(other, vision))


def test_a_network_added_in_memory_brings_its_colour(monkeypatch):
    class Another(ZNet):
        name, colour = "another", "#123456"

    monkeypatch.setitem(NETWORKS, "another", Another)
    assert network_colours()["another"] == "#123456"


@pytest.mark.parametrize("vision", VISION)
def test_columns_differ_for_every_eye(vision):
    for one, other in combinations(network_colours().values(), 2):
        assert distance(one, other, vision) > 20, (one, other)


def test_the_later_columns_have_no_phrases_colour():
    for name in ("attention", "clipseg", "own"):
        for colour in PALETTE:
            assert distance(network_colours()[name], colour) > 30, (name, colour)


@pytest.mark.parametrize("name", network_colours())
def test_columns_are_seen_on_light_and_dark(name):
    own, paper, night = (
        linear(colour) @ TO_XYZ[1] + 0.05 for colour in (network_colours()[name], PAPER, NIGHT)
    )
    assert paper / own > 2.7  # WCAG's contrast ratio; 3 is asked of signs, not of decoration
    assert own / night > 2.7
