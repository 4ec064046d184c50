"""Plates hold the very arrays that were found, and settings fit for JSON."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ldznet import inspection
from ldznet.results import plates
from ldznet.types import Generation

PHRASE = "the red ball"
NOISE = {"timestep": 400, "seed": 3}


@pytest.fixture(scope="module")
def subject(segmenter, picture):
    return inspection.subject_of_image(segmenter, picture)


@pytest.fixture(scope="module")
def seen(segmenter, subject):
    return inspection.run_unet(
        segmenter.backbone, subject, PHRASE, features=(1, 9), words=(3, 12), points=(12,), **NOISE
    )


@pytest.fixture(scope="module")
def looks(segmenter, subject, seen):
    network = inspection.run_network(segmenter, subject, PHRASE, **NOISE)
    return {
        "self_attention": inspection.point_of(segmenter.backbone, seen, 12, 20, block=12),
        "fusion": inspection.fusion_point_of(network, 12, 20, block=8),
    }


def read(plate):
    """The arrays and the settings of a plate's file."""
    with np.load(io.BytesIO(plate.npz()), allow_pickle=False) as file:
        arrays = dict(file)
    return arrays, json.loads(str(arrays.pop("settings")))


def texts(plate):
    return " ".join(text.get_text() for text in plate.draw().texts)


def test_words(subject, seen):
    found = inspection.words_of(seen)
    plate = plates.words_plate(subject, found)
    arrays, settings = read(plate)
    assert np.array_equal(arrays["maps"], found.maps)
    assert tuple(arrays["words"]) == found.words
    assert tuple(arrays["special"]) == found.special
    assert np.array_equal(arrays["image"], subject.image)
    assert settings == {"phrase": PHRASE, "blocks": [3, 12], **NOISE}
    page = Image.open(io.BytesIO(plate.png()))
    assert page.format == "PNG"
    assert min(page.size) > 400
    assert "share of the maximum" in texts(plate)
    assert "share of the maximum" not in texts(plates.words_plate(subject, found, common=True))


def test_both_maps_of_a_point(subject, looks):
    plate = plates.point_plate(subject, PHRASE, 12, 20, **looks)
    arrays, settings = read(plate)
    assert set(arrays) == {"image", *looks, "fusion_pooled_share"}
    for name, found in looks.items():
        assert np.array_equal(arrays[name], found.map)
        assert settings["cells"][name] == list(found.cell)
    assert arrays["fusion"].sum() + arrays["fusion_pooled_share"] == pytest.approx(1)
    assert settings["point"] == [12, 20]
    assert settings["blocks"] == {"self_attention": 12, "fusion": 8}
    said = texts(plate)
    assert "self-attention, block 12" in said
    assert "LD-ZNet reads, block 8" in said


@pytest.mark.parametrize("name", ["self_attention", "fusion"])
def test_one_map_of_a_point(subject, looks, name):
    plate = plates.point_plate(subject, PHRASE, 12, 20, **{name: looks[name]})
    arrays, settings = read(plate)
    assert {"self_attention", "fusion"} & set(arrays) == {name}
    assert list(settings["blocks"]) == [name]
    assert ("the mean of all cells" in texts(plate)) == (name == "fusion")


def test_no_map_of_a_point_is_no_plate(subject):
    with pytest.raises(ValueError, match="self-attention, its fusion map, or both"):
        plates.point_plate(subject, PHRASE, 12, 20)


def test_features(segmenter, subject, seen):
    over_blocks = inspection.colours_of_blocks(seen)
    arrays, settings = read(plates.features_plate(subject, over_blocks))
    assert set(arrays) == {"image", "block_1", "block_9", "explained"}
    assert np.array_equal(arrays["block_9"], over_blocks.colours[1])
    assert (settings["blocks"], settings["timesteps"]) == ([1, 9], [400])

    over_timesteps = inspection.features_over_timesteps(
        segmenter.backbone, subject, PHRASE, block=9, timesteps=(50, 950), seed=3
    )
    plate = plates.features_plate(subject, over_timesteps)
    arrays, settings = read(plate)
    assert set(arrays) == {"image", "timestep_50", "timestep_950", "explained"}
    assert (settings["blocks"], settings["timesteps"]) == ([9], [50, 950])
    assert "“the red ball” · block 9 · seed 3" in texts(plate)


def test_text_change_and_latent(segmenter, subject):
    change = inspection.text_change(segmenter.backbone, subject, PHRASE, **NOISE)
    arrays, settings = read(plates.text_change_plate(subject, change, PHRASE, **NOISE))
    assert np.array_equal(arrays["change"], change)
    assert settings == {"phrase": PHRASE, **NOISE}

    found = inspection.inspect_latent(segmenter.backbone, subject)
    arrays, settings = read(plates.latent_plate(subject, found))
    assert np.array_equal(arrays["channels"], found.channels)
    assert np.array_equal(arrays["reconstruction"], found.reconstruction)
    assert arrays["psnr"] == pytest.approx(found.psnr)
    assert settings == {}


def test_a_generated_picture_says_what_it_was_drawn_from(segmenter, subject):
    drawn = Generation(
        subject.image, subject.latents, "a red ball", "", seed=5, steps=2, guidance=4.0
    )
    generated = inspection.subject_of_generation(drawn)
    found = inspection.inspect_latent(segmenter.backbone, generated)
    _, settings = read(plates.latent_plate(generated, found))
    assert settings == {"generated": {"prompt": "a red ball", "seed": 5, "guidance": 4.0}}
