import hashlib
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from ldznet.data.shapes import (
    CATEGORIES,
    COLOURS,
    DIFFICULTIES,
    STYLES,
    Scene,
    caption,
    draw_scene,
    phrases,
)
from ldznet.data.shapes.palette import PAINTS


def _whole_by_counting(drawing, cells: int) -> np.ndarray:
    """Which pixels a drawing covers, found one square of labels at a time."""
    mask = np.zeros((128, 128), bool)
    step = cells // 3  # pixels per square
    height, width = drawing.labels.shape
    for row in range(height // cells):
        for column in range(width // cells):
            square = drawing.labels[row * cells : (row + 1) * cells, column * cells :][:, :cells]
            if 2 * np.count_nonzero(square) < cells * cells:
                continue
            for y in range(step):
                for x in range(step):
                    at = drawing.top + row * step + y, drawing.left + column * step + x
                    if min(at) >= 0 and max(at) < 128:
                        mask[at] = True
    return mask


@pytest.mark.parametrize(("style", "cells"), [("flat", 3), ("pixel", 6)])
def test_masks_are_what_counting_labels_pixel_by_pixel_finds(draw_layers, style, cells):
    for number in range(8):
        layers = draw_layers(number, style)
        owner = np.full((128, 128), -1)
        for i, drawing in enumerate(layers.drawings):
            owner[_whole_by_counting(drawing, cells)] = i
        for i, thing in enumerate(layers.scene.objects):
            np.testing.assert_array_equal(thing.mask, owner == i)


def test_six_tenths_of_every_object_stay_visible(draw_layers):
    hidden = 0
    for number in range(30):
        layers = draw_layers(number, "sketch")
        for drawing, thing in zip(layers.drawings, layers.scene.objects, strict=True):
            whole = _whole_by_counting(drawing, 3).sum()
            assert thing.mask.sum() >= 0.6 * whole
            hidden += thing.mask.sum() < whole
    assert hidden > 2  # objects do cover each other now and then


def test_objects_never_share_a_pixel(scenes: list[Scene]):
    for scene in scenes:
        assert np.sum([thing.mask for thing in scene.objects], axis=0).max() <= 1
        assert all(thing.mask.any() for thing in scene.objects)


def test_layout_and_language_do_not_depend_on_the_style():
    for number in range(20):
        photo, *others = (draw_scene(number, style) for style in STYLES)
        for other in others:
            assert other.background == photo.background
            assert [phrase.text for phrase in phrases(other)] == [
                phrase.text for phrase in phrases(photo)
            ]
            assert caption(other).split(" of ", 1)[1] == caption(photo).split(" of ", 1)[1]
            for mine, theirs in zip(photo.objects, other.objects, strict=True):
                names = "category", "colour", "size", "centre", "box"
                assert [getattr(mine, n) for n in names] == [getattr(theirs, n) for n in names]
                if other.style == "pixel":
                    shared = (mine.mask & theirs.mask).sum() / (mine.mask | theirs.mask).sum()
                    assert shared > 0.6
                else:
                    np.testing.assert_array_equal(mine.mask, theirs.mask)


def test_centre_and_box_are_those_of_the_visible_mask():
    for number in range(30):
        for thing in draw_scene(number, "flat").objects:
            points = np.argwhere(thing.mask)
            top, left = points.min(axis=0)
            bottom, right = points.max(axis=0) + 1
            assert thing.box == (left, top, right, bottom)
            np.testing.assert_allclose(thing.centre, points.mean(axis=0)[::-1] + 0.5)


@pytest.mark.parametrize(
    ("difficulty", "size", "low", "high"),
    [
        ("single", "large", 48, 84),
        ("pair", "large", 40, 68),
        ("full", "small", 26, 38),
        ("full", "large", 44, 64),
    ],
)
def test_sizes_are_as_promised(draw_layers, difficulty, size, low, high):
    spans = []
    for number in range(40):
        layers = draw_layers(number, "flat", difficulty)
        for drawing, thing in zip(layers.drawings, layers.scene.objects, strict=True):
            assert thing.size == "large" or difficulty == "full"
            if thing.size == size:
                rows, columns = np.nonzero(drawing.labels)  # uncut and unhidden
                spans.append(max(np.ptp(rows) + 1, np.ptp(columns) + 1) / 3)
    assert low - 1 <= min(spans) < max(spans) <= high + 1
    assert max(spans) - min(spans) > 0.6 * (high - low)


def test_objects_are_cut_by_a_few_pixels_at_most(draw_layers):
    for number in range(40):
        for drawing in draw_layers(number, "flat").drawings:
            for axis, start in ((0, drawing.top), (1, drawing.left)):
                filled = np.flatnonzero(drawing.labels.any(axis=1 - axis))
                assert start + filled[0] / 3 >= -5
                assert start + filled[-1] / 3 <= 128 + 5


def test_counts_and_variety(scenes: list[Scene]):
    counts = {
        name: {len(s.objects) for s in scenes if s.difficulty == name} for name in DIFFICULTIES
    }
    assert counts == {"single": {1}, "pair": {1, 2}, "full": {1, 2, 3, 4}}
    things = [thing for scene in scenes for thing in scene.objects]
    assert {thing.category for thing in things} == set(CATEGORIES)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert len({scene.background for scene in scenes}) >= 8


def test_without_a_style_the_number_picks_among_all():
    picked = [draw_scene(number).style for number in range(60)]
    assert set(picked) == set(STYLES)
    assert picked == [draw_scene(number).style for number in range(60)]


def test_the_colour_named_is_the_colour_seen():
    """In flat drawings the paint filling most of an object is nearest to its own colour."""
    names = list(PAINTS)
    paints = np.array([PAINTS[name] for name in names], float)
    for number in range(50):
        scene = draw_scene(number, "flat")
        for thing in scene.objects:
            pixels = scene.image[thing.mask].astype(float)
            votes = np.linalg.norm(pixels[:, None] - paints, axis=2).argmin(axis=1)
            close = np.linalg.norm(pixels - paints[votes], axis=1) < 12
            counts = np.bincount(votes[close], minlength=len(names))
            assert names[counts.argmax()] == thing.colour


def test_pairs_of_neighbouring_numbers_differ():
    pictures = [draw_scene(number, "photo").image for number in range(20)]
    for one, other in pairwise(pictures):
        assert np.abs(one.astype(int) - other).mean() > 2


_PRINT_DIGESTS = """
import hashlib
from ldznet.data.shapes import STYLES, caption, draw_scene, phrases
for number in (41, 7, 1_000_003, 0):
    for style in reversed(STYLES):
        scene = draw_scene(number, style)
        digest = hashlib.sha256(scene.image.tobytes())
        for phrase in phrases(scene):
            digest.update(phrase.text.encode() + phrase.mask.tobytes())
        print(number, style, digest.hexdigest(), caption(scene))
"""


def test_another_process_in_another_order_draws_the_same():
    ran = subprocess.run(
        [sys.executable, "-c", _PRINT_DIGESTS], capture_output=True, text=True, check=True
    )
    printed = ran.stdout.strip().splitlines()
    expected = []
    for number in (0, 1_000_003, 7, 41):
        for style in STYLES:
            scene = draw_scene(number, style)
            digest = hashlib.sha256(scene.image.tobytes())
            for phrase in phrases(scene):
                digest.update(phrase.text.encode() + phrase.mask.tobytes())
            expected.append(f"{number} {style} {digest.hexdigest()} {caption(scene)}")
    assert printed[::-1] == expected


@pytest.mark.parametrize(
    ("arguments", "word"),
    [((-1,), "-1"), ((0, "oil"), "photo"), ((0, "photo", "hard"), "single")],
)
def test_bad_arguments_are_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        draw_scene(*arguments)
