"""The pipeline: one encoding for all, the same bits again, the image's own size back."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.backbone.ldm import MAX_SEED
from ldznet.networks import NETWORKS
from ldznet.pipeline import Segmenter
from ldznet.pipeline.frame import whole_frame
from ldznet.types import Encoding
from tests.conftest import features_of

PHRASES = ["red ball", "the blue car", "a star"]


def test_the_same_question_gets_the_same_bits(segmenter, picture):
    first, again = (segmenter.compare(picture, PHRASES, seed=3) for _ in range(2))
    assert list(first) == list(NETWORKS)
    for name in NETWORKS:
        assert first[name].probability.tobytes() == again[name].probability.tobytes()


def test_seed_and_timestep_reach_only_the_network_that_reads_features(segmenter, picture):
    base = segmenter.compare(picture, PHRASES)
    for change in ({"seed": 1}, {"timestep": 100}):
        other = segmenter.compare(picture, PHRASES, **change)
        for name, network in NETWORKS.items():
            same = np.array_equal(base[name].probability, other[name].probability)
            assert same is (network.reading is None)


def test_phrases_in_a_batch_get_what_each_gets_alone(segmenter, picture):
    together = segmenter.compare(picture, PHRASES)
    for number, phrase in enumerate(PHRASES):
        for name in NETWORKS:
            alone = segmenter(picture, [phrase], name).probability[0]
            np.testing.assert_allclose(together[name].probability[number], alone, atol=1e-5)
    for name in NETWORKS:
        first, second = together[name].probability[:2]
        assert np.abs(first - second).max() > 1e-3  # the text does matter


def test_comparing_encodes_the_image_once_and_reads_features_once(segmenter, picture, monkeypatch):
    calls = []
    for part in ("encode_image", "encode_text"):
        method = getattr(segmenter.backbone, part)

        def count(*args, part=part, method=method, **options):
            calls.append((part, len(args[0])))
            return method(*args, **options)

        monkeypatch.setattr(segmenter.backbone, part, count)
    unet = segmenter.backbone.unet
    with unet.register_forward_pre_hook(lambda unet, args: calls.append(("unet", len(args[0])))):
        segmenter.compare(picture, PHRASES)
        assert sorted(calls) == [("encode_image", 1), ("encode_text", 3), ("unet", 3)]
        calls.clear()
        segmenter(picture, PHRASES, "znet")
        assert "unet" not in dict(calls)


def test_it_agrees_with_a_walk_through_the_parts(segmenter, picture):
    """At native size nothing is resized, so the path is short enough to write out."""
    square = np.asarray(Image.fromarray(picture).resize((64, 64)))
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    pixels = torch.tensor(square / 127.5 - 1, dtype=torch.float32).permute(2, 0, 1)[None]
    latents = backbone.encode_image(pixels)
    text = backbone.encode_text(["red ball"])
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5))
    noisy = backbone.scheduler.add_noise(latents, noise, torch.tensor([300]))
    features = features_of(backbone, noisy, text, 300)
    with torch.no_grad():
        logits = network(Encoding(pixels, latents, text, features))
    found = segmenter(square, ["red ball"], seed=5, timestep=300)
    np.testing.assert_allclose(found.probability, logits[:, 0].sigmoid().numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (81, 47), (129, 511), (8, 128), (9, 9), (700, 301)])
def test_probabilities_have_the_images_own_size(segmenter, size):
    image = Image.effect_noise(size, 50)
    found = segmenter(image, ["red ball", "a star"], "rgbnet")
    width, height = size
    assert found.probability.shape == found.mask.shape == (2, height, width)
    assert found.probability.dtype == np.float32
    assert found.probability.min() >= 0
    assert found.probability.max() <= 1
    assert np.array_equal(found.image, np.asarray(image.convert("RGB")))
    assert (found.network, found.phrases) == ("rgbnet", ("red ball", "a star"))


def test_what_is_found_lies_where_it_was_found(segmenter, monkeypatch):
    """A network that answers with the picture's brightness must get the picture back."""

    class Brightness(torch.nn.Module):
        reading = None

        def forward(self, encoding):
            return 8 * encoding.pixels.mean(dim=1, keepdim=True)

    monkeypatch.setitem(segmenter.networks, "znet", Brightness())
    image = np.zeros((301, 487, 3), np.uint8)
    image[40:160, 300:420] = 255
    mask = segmenter(image, ["ball"], "znet").mask[0]
    truth = image[..., 0] > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.93


def test_pictures_are_brought_to_the_size_the_networks_were_trained_at(segmenter, monkeypatch):
    network = segmenter.networks["rgbnet"]
    larger = type(network).from_config(dict(network.config) | {"sample_size": 24})
    backbone = segmenter.backbone
    own = Segmenter(backbone, {"rgbnet": larger})
    assert (segmenter.native_size, own.native_size, Segmenter(backbone, {}).native_size) == (
        64,
        96,
        64,
    )
    seen, encode = [], backbone.encode_image
    monkeypatch.setattr(backbone, "encode_image", lambda x: seen.append(x.shape[2:]) or encode(x))
    for each in (segmenter, own):
        each(Image.new("RGB", (30, 30)), ["ball"], "rgbnet")
    assert seen == [(64, 64), (96, 96)]


def test_the_template_words_the_phrase(segmenter, picture):
    whole = segmenter(picture, ["the red ball"], "znet")
    made = segmenter(picture, ["red ball"], "znet", template="the {}")
    assert np.array_equal(whole.probability, made.probability)
    assert made.phrases == ("red ball",)
    own = Segmenter(segmenter.backbone, segmenter.networks, template="the {}")
    assert np.array_equal(own(picture, ["red ball"], "znet").probability, whole.probability)


def test_progress_rises_from_nothing_to_done(segmenter, picture):
    told = []
    segmenter.compare(picture, ["ball"], progress=lambda share, step: told.append((share, step)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert all(any(name in step for _, step in told) for name in NETWORKS)


def test_each_network_is_charged_its_own_time(segmenter, picture, monkeypatch):
    clock = iter(range(100))  # a second passes with each look at it
    monkeypatch.setattr("ldznet.pipeline.segmenter.perf_counter", lambda: next(clock))
    seconds = {name: each.seconds for name, each in segmenter.compare(picture, ["ball"]).items()}
    assert seconds == {"rgbnet": 1, "znet": 1, "ldznet": 2}


def test_reconstruction_error_is_that_of_the_median_pixel(segmenter, picture, monkeypatch):
    backbone = segmenter.backbone
    bright = np.full((64, 64, 3), 255, np.uint8)
    bright[..., 1] = 51  # 0.2 of full brightness: the worst channel, by 0.8
    bright[:20] = 255  # under half of the pixels: they are redrawn without error
    monkeypatch.setattr(backbone, "decode_latents", lambda latents: torch.ones(1, 3, 64, 64))
    assert segmenter.reconstruction_error(bright) == pytest.approx(0.8, abs=1e-6)
    monkeypatch.undo()
    assert 0 < segmenter.reconstruction_error(picture) < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phrases": []}, "at least one phrase"),
        ({"phrases": [""]}, "Phrase 1 is empty"),
        ({"phrases": ["ball"] * 17}, "At most 16 phrases"),
        ({"phrases": ["red ball " * 8]}, "14 of its 16 tokens"),
        ({"phrases": ["ball " * 500]}, "2499 characters"),
        ({"networks": ["unet"]}, "no network 'unet'; choose from rgbnet, znet, ldznet"),
        ({"networks": []}, "No network was named"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": MAX_SEED + 1}, "seed must be from 0"),
        ({"timestep": 1000}, "timestep must be from 0 to 999; got 1000"),
        ({"template": "a photo"}, "once"),
        ({"image": b"nonsense"}, "not an image"),
        ({"image": Image.new("L", (6000, 6000)), "phrases": ["ball"] * 8}, "too much memory"),
    ],
)
@pytest.mark.parametrize("networks", [None, ["rgbnet"]])
def test_bad_questions_are_refused_before_any_model_runs(
    segmenter, picture, monkeypatch, networks, change, message
):
    monkeypatch.delattr(type(segmenter.backbone), "encode_image")
    question = {"image": picture, "phrases": ["ball"], "networks": networks} | change
    if networks and "memory" in message:
        question["phrases"] = ["ball"] * 16
    with pytest.raises(ValueError, match=message):
        segmenter.compare(**question)


def test_the_largest_seed_is_taken(segmenter, picture):
    assert segmenter(picture, ["ball"], seed=MAX_SEED).probability.shape == (1, 48, 80)


def test_some_networks_can_be_loaded_alone(backbone_folder, networks_folder, segmenter, picture):
    loaded = Segmenter.from_pretrained(backbone_folder, networks=networks_folder, names=["znet"])
    assert list(loaded.networks) == ["znet"]
    found = loaded.compare(picture, PHRASES)["znet"]
    expected = segmenter(picture, PHRASES, "znet")
    assert found.probability.tobytes() == expected.probability.tobytes()
    with pytest.raises(ValueError, match="choose from znet"):
        loaded(picture, PHRASES)


def test_weights_that_are_missing_or_wrong_are_refused(backbone_folder, networks_folder, tmp_path):
    def load(backbone=backbone_folder, networks=networks_folder, **options):
        Segmenter.from_pretrained(backbone, networks=networks, **options)

    with pytest.raises(ValueError, match="ldznet convert"):
        load(networks=None, names=["ldznet"])
    with pytest.raises(ValueError, match="no model folder"):
        load(backbone=tmp_path / "absent")
    with pytest.raises(ValueError, match="none of the networks"):
        load(networks=tmp_path)
    with pytest.raises(ValueError, match="choose from"):
        load(names=["unet"])
    damaged = shutil.copytree(networks_folder, tmp_path / "damaged")
    (weights,) = (damaged / "znet").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="'znet'"):
        load(networks=damaged)


def test_networks_without_weights_are_named_and_the_others_run(
    backbone_folder, networks_folder, tmp_path, picture
):
    alone = Segmenter.from_pretrained(backbone_folder)
    assert set(alone.missing) == {"rgbnet", "znet", "ldznet"}
    shutil.copytree(networks_folder / "znet", tmp_path / "znet")
    own = Segmenter.from_pretrained(backbone_folder, networks=tmp_path)
    assert set(own.compare(picture, ["ball"])) == {"znet"}
    for network, how in own.missing.items():
        assert how.endswith("on the command line).")
        with pytest.raises(ValueError, match="has no weights for this backbone yet"):
            own(picture, ["ball"], network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": 8}, "pixels per latent cell is 8, this backbone's is 4"),
        ({"cross_attention_dim": 16}, "text width is 16, this backbone's is 32"),
        ({"block_out_channels": (8, 8, 8, 8)}, "channels of the features"),
    ],
)
def test_networks_of_another_backbone_are_refused(backbone, segmenter, change, message):
    network = segmenter.networks["ldznet"]
    other = type(network).from_config(dict(network.config) | change)
    with pytest.raises(ValueError, match=message):
        Segmenter(backbone, {"ldznet": other})


def test_pocket_takes_its_native_pictures_as_they_are(pocket):
    assert list(pocket.networks) == [*NETWORKS, "attention"]
    assert pocket.frame(128, 128) == whole_frame(128, 128)
    found = pocket.compare(Image.effect_noise((128, 128), 50), ["red ball"])
    assert all(each.probability.shape == (1, 128, 128) for each in found.values())
