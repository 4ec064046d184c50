"""The lesson's sheet: six steps in order, each with the array it was given."""

import numpy as np

from ldznet.figures.lesson import lesson_figure


def test_the_six_steps_stand_in_order(picture):
    rng = np.random.default_rng(0)
    mask = np.zeros((48, 80), bool)
    mask[8:40, 16:64] = True
    figure = lesson_figure(
        picture, rng.normal(size=(4, 6, 10)), rng.normal(size=(4, 6, 10)) * 2,
        np.full((3, 5, 3), 0.4), np.full((3, 5), 1 / 15), (40, 24), mask,
        phrase="ball", block=9, timestep=400, seed=0,
    )  # fmt: skip
    texts = [text.get_text() for text in figure.texts]
    steps = [text for text in texts if text[0] in "123456" and text[1:3] == "  "]
    names = ["picture", "latent", "latent with noise", "features", "fusion", "mask"]
    assert steps == [f"{number}  {name}" for number, name in enumerate(names, start=1)]
    shown = [axes.images[0].get_array() for axes in figure.axes]
    pictures = [each for each in shown if each.shape == shown[0].shape]
    assert len(pictures) == 6
    assert (pictures[3] == 102).all()
    changed = (pictures[5] != pictures[0]).any(axis=-1)
    scale = changed.shape[0] // 48
    assert np.array_equal(changed[::scale, ::scale], mask)
