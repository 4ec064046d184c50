import numpy as np
import pytest

from ldznet.data import DATASETS, open_dataset, options_of


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_gives_samples(name: str):
    samples = open_dataset(name, "test", count=3)
    assert len(samples) == 3
    for sample in samples:
        assert sample.image.dtype == np.uint8
        assert sample.mask.dtype == bool
        assert sample.image.shape[:2] == sample.mask.shape
        assert sample.phrase
        assert sample.source.startswith(f"{name}/test/")


def test_options_reach_the_data_set():
    samples = open_dataset("shapes", split="test", style="photo", count=300)
    assert len(samples) == 300
    assert samples[299].source == "shapes/test/photo/299"


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="shapes"):
        open_dataset("coco", "test")


def test_a_data_set_names_its_options():
    assert options_of("shapes") == ("style", "count", "difficulty", "phrases_per_scene")
