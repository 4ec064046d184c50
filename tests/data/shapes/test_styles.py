import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from ldznet.data.shapes import STYLES, Scene, draw_scene
from ldznet.data.shapes.styles import render


@pytest.mark.parametrize("style", STYLES)
def test_pictures_are_rgb_bytes(style: str):
    image = draw_scene(3, style).image
    assert image.shape == (128, 128, 3)
    assert image.dtype == np.uint8


def test_styles_look_different_from_each_other():
    pictures = [draw_scene(3, style).image.astype(int) for style in STYLES]
    for i, one in enumerate(pictures):
        for other in pictures[:i]:
            assert np.abs(one - other).mean() > 4


@pytest.mark.parametrize("style", ["flat", "pixel"])
def test_taking_an_object_away_changes_the_picture_where_its_mask_is(draw_layers, style):
    """The mask, found anew from two pictures; these two styles cast no shadow and no glow."""
    for number in range(15):
        layers = draw_layers(number, style)
        for i, thing in enumerate(layers.scene.objects):
            others = layers.drawings[:i] + layers.drawings[i + 1 :]
            without = render(style, layers.backdrop, others, np.random.default_rng(0))
            changed = (without != layers.scene.image).any(axis=2)
            if style == "pixel":
                assert not (changed & ~thing.mask).any()
            else:  # pixels covered by less than half change as well
                near = binary_dilation(thing.mask, np.ones((3, 3)))
                assert (changed & ~near).sum() <= 0.02 * thing.mask.sum()
            assert (changed & thing.mask).sum() >= 0.98 * thing.mask.sum()


@pytest.mark.parametrize("style", STYLES)
def test_every_object_stands_out_from_what_surrounds_it(style: str):
    for number in range(30):
        scene = draw_scene(number, style)
        anything = np.logical_or.reduce([thing.mask for thing in scene.objects])
        image = scene.image.astype(float)
        for thing in scene.objects:
            ring = binary_dilation(thing.mask, iterations=9) & ~binary_dilation(
                anything, iterations=4
            )
            apart = np.linalg.norm(image[thing.mask] - image[ring].mean(axis=0), axis=1)
            spread = np.linalg.norm(image[ring] - image[ring].mean(axis=0), axis=1)
            assert np.mean(apart > 24) > 0.5
            assert apart.mean() > 2 * spread.mean()


def test_pixel_art_lies_on_its_grid():
    for number in range(20):
        scene = draw_scene(number, "pixel")
        for array in (scene.image, *(thing.mask for thing in scene.objects)):
            np.testing.assert_array_equal(array, array[::2, ::2].repeat(2, 0).repeat(2, 1))


def test_nothing_has_the_colour_of_its_background(scenes: list[Scene]):
    own = {
        "sky": "blue",
        "grass": "green",
        "sand": "yellow",
        "water": "blue",
        "brick": "red",
        "wood": "orange",
        "night": "blue",
        "snow": "white",
    }
    for scene in scenes:
        assert own.get(scene.background) not in {thing.colour for thing in scene.objects}
