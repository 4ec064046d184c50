"""Feature pictures: crisp cells, and a strip that says what its colours mean."""

import numpy as np
import pytest

from ldznet.figures.features import draw_features, features_figure


def test_every_cell_is_a_block_of_its_colour():
    colours = np.random.default_rng(0).random((2, 3, 3)).astype(np.float32)
    drawn = draw_features(colours, 10, 15)
    expected = np.kron(np.round(colours * 255), np.ones((5, 5, 1)))
    assert np.array_equal(drawn, expected)


@pytest.mark.parametrize("size", [(7, 10), (100, 33)])
def test_cells_that_do_not_divide_the_size_still_cover_it(size):
    colours = np.linspace(0, 1, 18).reshape(2, 3, 3)
    drawn = draw_features(colours, *size)
    assert drawn.shape == (*size, 3)
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 6
    for corner, cell in (((0, 0), (0, 0)), ((-1, -1), (1, 2))):
        assert np.array_equal(drawn[corner], np.round(colours[cell] * 255))


def test_a_strip_shows_the_picture_and_every_panel_with_its_grid(picture):
    colours = [np.full((6, 10, 3), 0.2), np.full((3, 5, 3), 0.8)]
    figure = features_figure(
        picture, "Over blocks", ["block 1", "block 3"], colours, (0.5, 0.25, 0.125),
        phrase="ball", timestep=400, seed=0,
    )  # fmt: skip
    said = [text.get_text() for text in figure.texts]
    assert said[:2] == ["Over blocks", "“ball” · timestep 400 · seed 0"]
    assert said[2:7] == ["picture", "block 1", "10 × 6", "block 3", "5 × 3"]
    assert "50 %, 25 %, 12 %" in " ".join(said[7:])
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [np.unique(each).tolist() for each in shown[1:]] == [[51], [204]]
    assert len({each.shape for each in shown}) == 1
