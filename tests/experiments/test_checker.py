"""From cells to things, on maps whose answer is plain."""

import numpy as np
import torch

from ldznet.data.shapes import CATEGORIES, COLOURS
from ldznet.experiments.checker import LEAST_CELLS, SceneChecker, detect_objects

PICTURE = np.zeros((1, 128, 128, 3), np.uint8)


class Painted:
    """Answers with given cells, whatever the picture."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, category, colour):
        one_hot = torch.nn.functional.one_hot
        self.category = one_hot(torch.tensor(category), 17).permute(2, 0, 1)[None] * 20.0
        self.colour = one_hot(torch.tensor(colour), 9).permute(2, 0, 1)[None] * 20.0

    def __call__(self, pixels):
        return self.category, self.colour


def test_each_connected_area_is_a_thing_in_its_most_frequent_colour():
    category, colour = np.zeros((32, 32), int), np.zeros((32, 32), int)
    ball, star = CATEGORIES.index("ball") + 1, CATEGORIES.index("star") + 1
    category[2:8, 2:8] = ball
    category[2:8, 20:26] = ball
    category[20:28, 10:18] = star
    colour[2:8, 2:8] = COLOURS.index("blue")
    colour[2:8, 20:26] = COLOURS.index("red")
    colour[20:28, 10:18] = COLOURS.index("green")
    colour[20:22, 10:18] = COLOURS.index("red")  # a quarter of the star

    objects = detect_objects(Painted(category, colour), PICTURE)[0]

    assert sorted((thing.colour, thing.category) for thing in objects) == [
        ("blue", "ball"),
        ("green", "star"),
        ("red", "ball"),
    ]
    green = next(thing for thing in objects if thing.colour == "green")
    expected = np.zeros((128, 128), bool)
    expected[80:112, 40:72] = True
    assert np.array_equal(green.mask, expected)
    assert green.confidence > 0.99


def test_one_area_in_two_colours_is_two_things_and_a_doubtful_piece_belongs_to_its_neighbour():
    category, colour = np.zeros((32, 32), int), np.zeros((32, 32), int)
    cup, moon = CATEGORIES.index("cup") + 1, CATEGORIES.index("moon") + 1
    category[4:12, 2:18] = cup  # two cups side by side
    colour[4:12, 2:10] = COLOURS.index("white")
    colour[4:12, 10:18] = COLOURS.index("pink")
    category[20:30, 20:30] = moon
    category[20:22, 20:30] = cup  # a fifth of the moon taken for something else
    colour[20:30, 20:30] = COLOURS.index("yellow")
    category[14:18, 24:30] = moon  # sure of itself, and of another colour than what it is near
    colour[14:18, 24:30] = COLOURS.index("red")

    objects = detect_objects(Painted(category, colour), PICTURE)[0]

    areas = {(thing.colour, thing.category): thing.mask.sum() // 16 for thing in objects}
    assert areas == {
        ("white", "cup"): 64,
        ("pink", "cup"): 64,
        ("yellow", "moon"): 100,
        ("red", "moon"): 24,
    }


def test_specks_are_no_things():
    category = np.zeros((32, 32), int)
    category[5, 5 : 5 + LEAST_CELLS - 1] = 3
    assert detect_objects(Painted(category, category * 0), PICTURE) == [[]]


def test_the_network_answers_for_every_cell_of_any_picture():
    checker = SceneChecker(widths=(8, 8, 16, 16)).eval()
    category, colour = checker(torch.zeros(2, 3, 64, 96))
    assert category.shape == (2, 17, 16, 24)
    assert colour.shape == (2, 9, 16, 24)
