"""The generation that the tab opens on is whole and what the shipped weights give."""

import numpy as np
import pytest

from ldznet.experiments.examples import draw_first, write_first
from ldznet.ui.models import Models
from ldznet.ui.snippets import generation_command, generation_python
from ldznet.ui.tabs.generate.session import read_first

AGAIN = "run python -m ldznet experiment examples again"


@pytest.fixture(scope="module")
def kept():
    return read_first()


@pytest.fixture(scope="module")
def fresh(pocket):
    return draw_first(Models(pocket))


def test_the_picture_is_that_of_the_shipped_weights(kept, fresh):
    one, other = kept.generation, fresh.generation
    assert (one.prompt, one.seed, one.steps) == (other.prompt, other.seed, other.steps)
    difference = np.abs(one.image.astype(int) - other.image)
    assert difference.mean() < 1, AGAIN  # processors may round otherwise
    assert list(one.trajectory) == list(other.trajectory)
    assert one.latents.allclose(other.latents, atol=0.05), AGAIN
    for block, feature in other.features.items():
        assert one.features[block].dtype == feature.dtype
        assert one.features[block].float().allclose(feature.float(), atol=0.1), AGAIN


def test_the_masks_are_those_of_the_shipped_weights(kept, fresh):
    for name, found in fresh.comparison.at(0.5).items():
        difference = np.abs(found.probability - kept.comparison.at(0.5)[name].probability)
        assert np.quantile(difference, 0.999) < 0.02, AGAIN


def test_it_is_read_as_it_was_written(tmp_path, pocket, fresh):
    write_first(Models(pocket), "here", tmp_path)
    one, other = read_first(tmp_path), fresh
    assert np.array_equal(one.generation.image, other.generation.image)
    assert one.generation.latents.equal(other.generation.latents)
    for timestep, latents in other.generation.trajectory.items():
        assert one.generation.trajectory[timestep].equal(latents)
    for block, feature in other.generation.features.items():
        assert one.generation.features[block].equal(feature)
    (tmp_path / "results.npz").unlink()
    with pytest.raises(ValueError, match="draw it again with python -m ldznet exp"):
        read_first(tmp_path)


def test_the_python_beside_it_gives_the_same(kept, fresh):
    names = {}
    exec(generation_python(kept.drawing, kept.segmented, 0.4), names)
    assert np.array_equal(names["generation"].image, fresh.generation.image)
    expected = fresh.comparison.at(0.4)
    for name, mask in names["masks"].items():
        assert (mask != expected[name].mask).mean() < 0.001  # packed to steps of 1/50,000


def test_the_command_beside_it_gives_the_same(kept, fresh, tmp_path, monkeypatch):
    import shlex

    from PIL import Image

    from ldznet.cli import main

    monkeypatch.chdir(tmp_path)
    words = shlex.split(generation_command(kept.drawing, kept.segmented, 0.4))
    assert words[:3] == ["python", "-m", "ldznet"]
    assert main(words[3:]) == 0
    (folder,) = (path for path in (tmp_path / "drawn").iterdir() if path.is_dir())
    picture = np.array(Image.open(folder / "picture.png"))
    assert np.array_equal(picture, fresh.generation.image)
    mask = np.array(Image.open(next(folder.glob("ldznet-1-*.png")))) > 0
    assert (mask != fresh.comparison.at(0.4)["ldznet"].mask[0]).mean() < 0.001
