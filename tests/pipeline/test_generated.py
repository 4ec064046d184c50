"""`Segmenter.compare_generated`: what runs, what does not, and what the networks are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from ldznet.backbone import generate
from ldznet.blocks import FUSION_BLOCKS, find_block
from ldznet.networks import NETWORKS, ZNet
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding, Reading

PHRASES = ["red ball", "the blue car"]
TOLERANCE = 2e-6  # between probabilities: the random network reads its features faintly


@pytest.fixture(scope="module")
def made(segmenter):
    return generate(segmenter.backbone, "a red ball and a blue car", steps=5, seed=3)


@pytest.fixture
def runs(segmenter):
    """The names of the backbone's models, each time one runs."""
    seen = []
    backbone = segmenter.backbone
    models = {
        "encoder": backbone.vae.encoder,
        "decoder": backbone.vae.decoder,
        "unet": backbone.unet,
        "text": backbone.text_encoder,
    }
    handles = [
        model.register_forward_pre_hook(lambda module, args, name=name: seen.append(name))
        for name, model in models.items()
    ]
    yield seen
    for handle in handles:
        handle.remove()


def test_reuse_runs_no_autoencoder_and_no_diffusion_model(segmenter, made, runs):
    found = segmenter.compare_generated(made, PHRASES)
    assert list(found) == list(NETWORKS)
    assert runs == ["text"]


def test_the_exact_way_runs_the_diffusion_model_once(segmenter, made, runs):
    segmenter.compare_generated(made, PHRASES, reuse=False)
    assert runs == ["text", "unet"]
    runs.clear()
    segmenter.compare_generated(made, PHRASES, ["rgbnet", "znet"], reuse=False)
    assert runs == ["text"]


def ask(segmenter, made, name, features, pixels=None):
    """One network on an encoding put together here, a row per phrase."""
    text = segmenter.backbone.encode_text(PHRASES)
    latents = made.latents.repeat(2, 1, 1, 1)
    pixels = torch.zeros(2, 3, 64, 64) if pixels is None else pixels
    with torch.no_grad():
        logits = segmenter.networks[name](Encoding(pixels, latents, text, features))
    return logits[:, 0].sigmoid().numpy()


def test_reuse_gives_ldznet_the_features_that_were_kept(segmenter, made):
    features = {number: kept.float().repeat(2, 1, 1, 1) for number, kept in made.features.items()}
    found = segmenter.compare_generated(made, PHRASES, ["ldznet"])["ldznet"]
    expected = ask(segmenter, made, "ldznet", features)
    np.testing.assert_allclose(found.probability, expected, atol=TOLERANCE)
    other = replace(made, features={number: -9 * kept for number, kept in made.features.items()})
    changed = segmenter.compare_generated(other, PHRASES)
    assert np.abs(changed["ldznet"].probability - expected).max() > 5 * TOLERANCE


def features_of(unet, noisy, timestep, text, blocks=FUSION_BLOCKS):
    """What blocks put out in a whole pass, kept by hooks written for this test."""
    kept = {}
    handles = [
        find_block(unet, number).register_forward_hook(
            lambda module, args, output, number=number: kept.update({number: output[0]})
        )
        for number in blocks
    ]
    with torch.no_grad():
        unet(noisy, timestep, text)
    for handle in handles:
        handle.remove()
    return kept


def test_the_exact_way_noises_the_last_latents_and_reads_them_with_each_phrase(segmenter, made):
    backbone = segmenter.backbone
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5))
    noisy = backbone.scheduler.add_noise(made.latents, noise, torch.tensor([250]))
    texts = backbone.encode_text(PHRASES)
    rows = [features_of(backbone.unet, noisy, 250, text[None]) for text in texts]
    features = {number: torch.cat([row[number] for row in rows]) for number in FUSION_BLOCKS}
    expected = ask(segmenter, made, "ldznet", features)
    options = {"networks": ["ldznet"], "reuse": False}
    found = segmenter.compare_generated(made, PHRASES, **options, seed=5, timestep=250)
    np.testing.assert_allclose(found["ldznet"].probability, expected, atol=TOLERANCE)
    for change in ({"seed": 6, "timestep": 250}, {"seed": 5, "timestep": 400}):
        other = segmenter.compare_generated(made, PHRASES, **options, **change)
        assert np.abs(other["ldznet"].probability - expected).max() > 5 * TOLERANCE


def test_the_other_networks_read_latents_or_picture_and_ignore_the_rest(segmenter, made):
    pixels = torch.tensor(made.image / 127.5 - 1, dtype=torch.float32).permute(2, 0, 1)
    expected = {
        "znet": ask(segmenter, made, "znet", {}),
        "rgbnet": ask(segmenter, made, "rgbnet", {}, pixels.repeat(2, 1, 1, 1)),
    }
    for options in ({}, {"reuse": False, "seed": 9, "timestep": 10}):
        found = segmenter.compare_generated(made, PHRASES, list(expected), **options)
        for name, probability in expected.items():
            np.testing.assert_allclose(found[name].probability, probability, atol=TOLERANCE)


def test_without_features_reuse_is_the_exact_way(segmenter, made, runs):
    bare = replace(made, features={}, feature_timestep=None)
    found = segmenter.compare_generated(bare, PHRASES, ["ldznet"], seed=2)
    assert runs == ["text", "unet"]
    exact = segmenter.compare_generated(made, PHRASES, ["ldznet"], reuse=False, seed=2)
    assert found["ldznet"].probability.tobytes() == exact["ldznet"].probability.tobytes()


def test_the_answer_is_about_the_picture(segmenter, made):
    for name, found in segmenter.compare_generated(made, PHRASES).items():
        assert found.image.tobytes() == made.image.tobytes()
        assert (found.network, found.phrases) == (name, tuple(PHRASES))
        assert found.probability.shape == (2, 64, 64)


def test_the_features_are_charged_to_the_exact_way_alone(segmenter, made, monkeypatch):
    clock = iter(range(100))  # a second passes with each look at it
    monkeypatch.setattr("ldznet.pipeline.segmenter.perf_counter", lambda: next(clock))
    for reuse, expected in ((True, 1), (False, 2)):
        found = segmenter.compare_generated(made, PHRASES, reuse=reuse)
        seconds = {name: each.seconds for name, each in found.items()}
        assert seconds == {"rgbnet": 1, "znet": 1, "ldznet": expected}


def test_progress_rises_from_nothing_to_done(segmenter, made):
    for reuse in (True, False):
        told = []
        segmenter.compare_generated(
            made, ["ball"], reuse=reuse, progress=lambda *each, told=told: told.append(each)
        )
        shares = [share for share, _ in told]
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0, 1)
        assert any("diffusion" in step for _, step in told) is not reuse


@pytest.mark.parametrize(
    "change",
    [
        {"image": np.zeros((128, 128, 3), np.uint8)},
        {"features": {number: torch.zeros(1, 8, 4, 4) for number in FUSION_BLOCKS}},
    ],
)
def test_a_picture_of_another_backbone_is_refused(segmenter, made, change):
    with pytest.raises(ValueError, match="drawn by another backbone"):
        segmenter.compare_generated(replace(made, **change), PHRASES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"phrases": []}, "at least one phrase"),
        ({"networks": ["unet"]}, "no network 'unet'"),
        ({"seed": -1}, "seed must be from 0"),
        ({"timestep": 1000}, "timestep must be from 0 to 999"),
        ({"template": "a photo"}, "once"),
    ],
)
def test_bad_questions_are_refused_before_any_model_runs(segmenter, made, runs, change, message):
    question = {"generation": made, "phrases": PHRASES} | change
    with pytest.raises(ValueError, match=message):
        segmenter.compare_generated(**question)
    assert runs == []


class Fifth(ZNet):
    """Says where block 5 of the diffusion model puts out more than its mean."""

    name = "fifth"
    reading = Reading(features=(5, *FUSION_BLOCKS))

    def forward(self, encoding):
        contrast = (encoding.features[5] - encoding.features[6].mean()).mean(dim=1, keepdim=True)
        return functional.interpolate(contrast, encoding.pixels.shape[-2:])


def test_what_was_not_kept_is_read_and_what_was_kept_is_not(segmenter, made, runs):
    own = Segmenter(
        segmenter.backbone,
        {"fifth": Fifth.from_config(dict(segmenter.networks["znet"].config)), **segmenter.networks},
    )
    found = own.compare_generated(made, PHRASES, ["fifth", "ldznet"], seed=5, timestep=250)
    assert runs == ["text", "unet"]
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(5))
    noisy = segmenter.backbone.scheduler.add_noise(made.latents, noise, torch.tensor([250]))
    texts = segmenter.backbone.encode_text(PHRASES)
    read = features_of(segmenter.backbone.unet, noisy.repeat(2, 1, 1, 1), 250, texts, [5])[5]
    logits = (read - made.features[6].float().mean()).mean(dim=1, keepdim=True)
    expected = functional.interpolate(logits, (64, 64)).sigmoid()[:, 0].numpy()
    np.testing.assert_allclose(found["fifth"].probability, expected, atol=1e-5)
    alone = segmenter.compare_generated(made, PHRASES, ["ldznet"])["ldznet"]
    np.testing.assert_allclose(found["ldznet"].probability, alone.probability, atol=1e-6)
