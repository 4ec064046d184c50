"""Raw arrays as a file that numpy reads back without pickle."""

import io
import json

import numpy as np
import pytest

from ldznet.results.masks import npz_bytes


def test_arrays_and_settings_come_back_as_they_went_in():
    rng = np.random.default_rng(0)
    arrays = {
        "maps": rng.random((2, 3, 5), dtype=np.float32),
        "image": rng.integers(0, 256, (4, 6, 3), dtype=np.uint8),
        "special": np.array([True, False]),
    }
    settings = {"phrase": "“red” мяч", "blocks": [3, 4], "psnr": 25.5, "seed": 0}
    content = npz_bytes(arrays | {"words": ("red", "мяч"), "psnr": 25.5}, settings)
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        assert set(file) == {*arrays, "words", "psnr", "settings"}
        for name, array in arrays.items():
            assert file[name].dtype == array.dtype
            assert np.array_equal(file[name], array)
        assert file["words"].tolist() == ["red", "мяч"]
        assert file["psnr"] == 25.5
        assert json.loads(str(file["settings"])) == settings


def test_equal_arrays_are_equal_files():
    array = np.arange(1000.0)
    assert npz_bytes({"a": array}, {"seed": 0}) == npz_bytes({"a": array.copy()}, {"seed": 0})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"settings": [1]}, "The name 'settings' is kept"),
        ({"found": [{"a": 1}]}, "The array 'found' holds Python objects"),
    ],
)
def test_what_could_not_be_read_back_is_refused(arrays, message):
    with pytest.raises(ValueError, match=message):
        npz_bytes(arrays, {})
