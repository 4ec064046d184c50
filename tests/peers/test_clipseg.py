"""CLIPSeg as a peer, against transformers called by hand; and everything that may be missing."""

import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.checkpoints.hub import REVISIONS
from ldznet.peers import PEERS, load_peer
from ldznet.peers.clipseg import HUB_ID, ClipSeg
from tests.fake_hub import hub
from tests.peers.conftest import LONGEST

__all__ = ["hub"]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, as CLIPSeg was trained


@pytest.fixture(scope="module")
def clipseg(clipseg_folder):
    return load_peer("clipseg", clipseg_folder)


@pytest.fixture(scope="module")
def image(picture):
    return Image.fromarray(picture)


def test_equals_the_model_called_by_hand(clipseg, clipseg_folder, image):
    from transformers import CLIPSegForImageSegmentation, CLIPTokenizer

    squashed = np.asarray(image.resize((352, 352), Image.Resampling.BILINEAR)) / 255
    pixels = ((squashed - MEAN) / DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
    words = CLIPTokenizer.from_pretrained(clipseg_folder)(["star"], return_tensors="pt")
    model = CLIPSegForImageSegmentation.from_pretrained(clipseg_folder).eval()
    with torch.no_grad():
        logits = model(**words, pixel_values=torch.from_numpy(pixels)).logits.reshape(352, 352)
    expected = Image.fromarray(1 / (1 + np.exp(-logits.numpy())))
    expected = np.asarray(expected.resize(image.size, Image.Resampling.BILINEAR))
    found = clipseg(image, ["star"])
    assert (found.shape, found.dtype) == ((1, 48, 80), np.float32)
    assert np.ptp(expected) > 0.05
    assert np.allclose(found[0], expected, atol=1e-4)


def test_a_phrase_does_not_depend_on_its_neighbours(clipseg, image):
    together = clipseg(image, ["a star", "car", "red"])
    alone = np.concatenate([clipseg(image, [phrase]) for phrase in ("a star", "car", "red")])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.001


def test_probabilities_come_at_the_size_of_the_picture(clipseg):
    for size in ((1, 1), (400, 30), (700, 500)):
        found = clipseg(Image.new("RGB", size, "red"), ["car"])
        assert found.shape == (1, *size[::-1])
        assert 0 <= found.min() <= found.max() <= 1


def test_a_phrase_that_would_be_cut_is_refused(clipseg, image):
    fits = "a" * (LONGEST - 2)  # a token a letter
    assert clipseg(image, [fits]).shape == (1, 48, 80)
    with pytest.raises(ValueError, match=rf"reads {LONGEST - 2} tokens .* has {LONGEST - 1};"):
        clipseg(image, ["car", fits + "a"])


def refused(source, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        load_peer("clipseg", source)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
    assert "/tmp" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "pattern"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "lacks model.safetensors"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "lacks vocab.json, merges.txt"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be read"),
        (lambda folder: cut_weights(folder), "not whole"),
        (lambda folder: empty_vocabulary(folder), "not whole"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(tmp_path, clipseg_folder, damage, pattern):
    folder = tmp_path / "copy"
    shutil.copytree(clipseg_folder, folder)
    damage(folder)
    refused(folder, pattern)


def cut_weights(folder):
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["decoder.film_mul.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def empty_vocabulary(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")
    (folder / "merges.txt").write_text("")


def test_other_sources_are_refused_in_one_sentence(tmp_path):
    refused(tmp_path / "nowhere", "no folder 'nowhere'")
    refused(tmp_path, "lacks config.json")
    refused(HUB_ID, f"'{HUB_ID}' is not on this machine .*HF_HUB_OFFLINE")  # as all tests are
    with pytest.raises(ValueError, match="no peer 'sam'; choose from clipseg"):
        load_peer("sam")


def test_the_published_weights_are_pinned():
    assert re.fullmatch(r"[0-9a-f]{40}", REVISIONS[HUB_ID])


def test_the_hub_gives_all_that_is_needed(hub, clipseg_folder, clipseg, image):
    hub.folder = clipseg_folder
    fetched = load_peer("clipseg", hub.model)
    assert np.array_equal(fetched(image, ["star"]), clipseg(image, ["star"]))


def test_a_folder_of_ones_own_takes_the_place_of_the_hub(clipseg_folder, monkeypatch):
    monkeypatch.setenv("LDZNET_CLIPSEG", str(clipseg_folder))
    assert isinstance(load_peer("clipseg"), PEERS["clipseg"])


def test_answers_beside_the_networks(backbone_folder, clipseg_folder, clipseg, picture, image):
    from ldznet.pipeline import Segmenter

    segmenter = Segmenter.from_pretrained(backbone_folder)
    with pytest.raises(ValueError, match=r"not loaded; call add_peer\('clipseg'\)"):
        segmenter.compare(picture, ["star"], ["clipseg"])
    with pytest.raises(ValueError, match="no folder 'nowhere'"):
        segmenter.add_peer("clipseg", "nowhere")
    assert segmenter.peers == {}
    segmenter.add_peer("clipseg", clipseg_folder)
    found = segmenter.compare(picture, ["a star", "red car"], ["attention", "clipseg"])
    assert list(found) == ["attention", "clipseg"]
    assert np.array_equal(found["clipseg"].probability, clipseg(image, ["a star", "red car"]))
    assert found["clipseg"].network == ClipSeg.name
    assert found["clipseg"].seconds > 0
