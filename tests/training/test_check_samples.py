import numpy as np
import pytest
from PIL import Image, ImageDraw

from ldznet.data.shapes import WORDS
from ldznet.training.check_samples import ask, check_drawn_scenes, find_colours


def discs(*colours):
    picture = Image.new("RGB", (128, 128), (180, 182, 190))
    draw = ImageDraw.Draw(picture)
    for number, colour in enumerate(colours):
        draw.ellipse((10 + 60 * number, 30, 55 + 60 * number, 75), fill=colour)
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("picture", "colours"),
    [
        (discs(), []),
        (discs("crimson"), ["red"]),
        (discs("royalblue", "gold"), ["blue", "yellow"]),
        (discs("darkred", "darkred"), ["red", "red"]),
        (discs("white", "hotpink"), ["pink"]),  # white is not saturated
    ],
)
def test_every_saturated_part_counts_with_its_colour(picture, colours):
    assert find_colours(picture) == colours


def test_the_look_is_right_about_drawn_scenes():
    assert check_drawn_scenes(40)["right"] >= 0.95


def test_prompts_speak_pockets_language_and_name_their_colours():
    for prompt, colours in ask(2, seed=1):
        assert set(prompt.split()) <= set(WORDS)
        assert all(colour in prompt for colour in colours)
