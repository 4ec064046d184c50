"""The frozen backbone against diffusers' own pipeline and closed forms."""

import threading

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from ldznet.backbone import LatentDiffusion, record
from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.types import Reading
from tests.conftest import features_of

PARTS = ("vae", "unet", "text_encoder")


@pytest.fixture(scope="module")
def pipe(backbone_folder):
    return StableDiffusionPipeline.from_pretrained(backbone_folder, safety_checker=None)


@pytest.fixture(scope="module")
def pixels():
    generator = torch.Generator().manual_seed(3)
    return torch.rand(1, 3, 64, 96, generator=generator) * 2 - 1


def test_it_is_frozen_and_knows_its_geometry(backbone):
    for part in PARTS:
        model = getattr(backbone, part)
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())
    assert (backbone.factor, backbone.multiple, backbone.native_size) == (4, 32, 64)
    assert (backbone.device.type, backbone.dtype) == ("cpu", torch.float32)


def test_latents_are_the_scaled_mode_and_have_the_factors_size(backbone, pipe, pixels):
    latents = backbone.encode_image(pixels)
    with torch.no_grad():
        moments = pipe.vae.quant_conv(pipe.vae.encoder(pixels))
    assert torch.equal(latents, moments[:, :4] * pipe.vae.config.scaling_factor)
    assert latents.shape == (1, 4, 16, 24)
    decoded = backbone.decode_latents(latents)
    assert decoded.shape == pixels.shape
    with torch.no_grad():
        expected = pipe.vae.decode(moments[:, :4]).sample
    torch.testing.assert_close(decoded, expected.clamp(-1, 1))
    assert backbone.decode_latents(1000 * latents).abs().max() <= 1


def test_text_is_what_the_stock_pipeline_reads(backbone, pipe):
    pipe.tokenizer.model_max_length = 16
    texts = ["the red ball", "a red star left of the tree", ""]
    expected, _ = pipe.encode_prompt(texts, "cpu", 1, do_classifier_free_guidance=False)
    assert torch.equal(backbone.encode_text(texts), expected)
    assert expected.shape == (3, 16, 32)


def test_a_text_that_does_not_fit_is_refused_not_cut(backbone):
    backbone.encode_text(["ball " * 14])
    with pytest.raises(ValueError, match=r"reads 14 of its 15 tokens.* last word, 'ball'"):
        backbone.encode_text(["red ball", "ball " * 15])


@pytest.mark.parametrize("timestep", [0, 400, 999])
def test_noise_follows_the_forward_diffusion(backbone, timestep):
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2  # Stable Diffusion's schedule
    kept = np.cumprod(1 - betas)[timestep]
    latents, noise = torch.full((1, 4, 2, 2), 2.0), torch.full((1, 4, 2, 2), 3.0)
    expected = 2 * np.sqrt(kept) + 3 * np.sqrt(1 - kept)
    found = backbone.add_noise(latents, timestep, noise)
    assert found.numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("timestep", [-1, 1000])
def test_a_timestep_outside_the_schedule_is_refused(backbone, timestep):
    latents = torch.zeros(1, 4, 8, 8)
    with pytest.raises(ValueError, match=f"0 to 999; got {timestep}"):
        backbone.add_noise(latents, timestep, latents)


def test_noise_depends_on_the_seed_alone(backbone):
    state = torch.get_rng_state()
    noise = backbone.draw_noise((2, 4, 64, 64), seed=7)
    assert torch.equal(noise, backbone.draw_noise((2, 4, 64, 64), seed=7))
    assert not torch.equal(noise, backbone.draw_noise((2, 4, 64, 64), seed=8))
    assert noise.mean().abs() < 0.02
    assert abs(noise.std() - 1) < 0.02
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("blocks", [(1,), (7, 6), FUSION_BLOCKS, (16, 2)])
def test_features_are_those_of_a_full_pass_and_later_blocks_do_not_run(backbone, blocks):
    latents = backbone.draw_noise((2, 4, 16, 24), seed=0)
    text = backbone.encode_text(["red ball", "blue car"])
    wanted, ran = {}, set()
    handles = []
    for number in BLOCKS:

        def hook(module, args, output, number=number):
            wanted[number] = output[0]
            ran.add(number)

        handles.append(find_block(backbone.unet, number).register_forward_hook(hook))
    with torch.no_grad():
        backbone.unet(latents, 400, text)
    assert ran == set(BLOCKS)
    full = dict(wanted)
    ran.clear()
    found = features_of(backbone, latents, text, 400, blocks)
    assert ran == set(range(1, max(blocks) + 1))
    for handle in handles:
        handle.remove()
    assert list(found) == list(blocks)
    assert all(torch.equal(found[number], full[number]) for number in blocks)
    assert not any(module._forward_hooks for module in backbone.unet.modules())


def test_features_can_be_trained_on_and_none_can_be_asked_for(backbone):
    latents, text = backbone.draw_noise((1, 4, 8, 8), 0), backbone.encode_text(["ball"])
    (feature,) = features_of(backbone, latents, text, 400, [7]).values()
    weight = torch.ones(1, requires_grad=True)
    (weight * feature).sum().backward()  # raises on tensors of inference mode
    assert weight.grad is not None
    assert features_of(backbone, latents, text, 400, []) == {}


def test_a_fault_inside_the_pass_is_not_swallowed(backbone):
    with pytest.raises(RuntimeError):
        features_of(backbone, torch.zeros(1, 4, 8, 8), torch.zeros(1, 16, 7), 400, [7])


def test_stopping_early_does_not_stop_another_threads_pass(backbone):
    latents, text = backbone.draw_noise((1, 4, 8, 8), 0), backbone.encode_text(["ball"])
    outcome = []

    def full_pass():
        with torch.no_grad():
            outcome.append(backbone.unet(latents, 400, text).sample)

    def run_beside(module, args, output):
        handle.remove()
        thread = threading.Thread(target=full_pass)
        thread.start()
        thread.join()

    handle = find_block(backbone.unet, 1).register_forward_hook(run_beside)
    features_of(backbone, latents, text, 400, [7])
    full_pass()
    assert torch.equal(*outcome)


def test_each_phrase_reads_its_row_of_one_image_under_one_noise(backbone, pixels):
    phrases = ["red ball", "blue car", "red ball"]
    latents = backbone.encode_image(pixels)
    options = {"timestep": 300, "noise": backbone.draw_noise(latents.shape, 4)}
    reading = Reading(FUSION_BLOCKS)
    whole = backbone.read(latents, backbone.encode_text(phrases), reading, **options)
    features = whole.features_at(300)
    assert tuple(features) == FUSION_BLOCKS
    for feature in features.values():
        torch.testing.assert_close(feature[0], feature[2])
        assert (feature[0] - feature[1]).abs().max() > 1e-4
    single = backbone.read(latents, backbone.encode_text(phrases[1:2]), reading, **options)
    for block in FUSION_BLOCKS:
        torch.testing.assert_close(
            features[block][1:2], single.features[300, block], atol=1e-5, rtol=1e-5
        )


def test_features_depend_on_noise_and_timestep(backbone, pixels):
    latents, text = backbone.encode_image(pixels), backbone.encode_text(["ball"])

    def feature(seed=0, timestep=400):
        noise = backbone.draw_noise(latents.shape, seed)
        recording = backbone.read(latents, text, Reading((7,)), timestep=timestep, noise=noise)
        return recording.features[timestep, 7]

    assert torch.equal(feature(), feature())
    assert not torch.equal(feature(), feature(seed=1))
    assert not torch.equal(feature(), feature(timestep=100))


def test_readings_of_one_timestep_share_a_pass_and_others_take_their_own(backbone):
    latents, text = backbone.draw_noise((1, 4, 8, 8), 0), backbone.encode_text(["ball"])
    noise = backbone.draw_noise((1, 4, 8, 8), 1)
    runs = []
    handle = backbone.unet.register_forward_pre_hook(lambda _, given: runs.append(given[1]))
    readings = [
        Reading(features=(6,), states=(8,)),
        Reading(attention=(7,), kinds=("cross",)),
        Reading(attention=(6,), timesteps=(400, 100)),
    ]
    recording = backbone.read(latents, text, readings, timestep=400, noise=noise)
    handle.remove()
    assert runs == [400, 100]
    assert set(recording.features) == {(400, 6)}
    assert set(recording.states) == {(400, 8)}
    assert {key for key in recording.attention if key[0] == 100} == {
        (100, 6, "self"),
        (100, 6, "cross"),
    }
    assert {(400, 7, "cross"), (400, 6, "self")} <= set(recording.attention)
    alone = backbone.read(latents, text, readings[2], timestep=7, noise=noise)
    for key, attention in alone.attention.items():
        assert torch.equal(attention, recording.attention[key])
    with torch.no_grad(), record(backbone.unet, states=[8]) as seen:
        backbone.unet(backbone.add_noise(latents, 400, noise), 400, text)
    assert torch.equal(recording.states[400, 8], seen.states[400, 8])


@pytest.mark.parametrize("timestep", [-1, 1000])
def test_a_reading_outside_the_schedule_is_refused(backbone, timestep):
    latents, text = torch.zeros(1, 4, 8, 8), backbone.encode_text(["ball"])
    with pytest.raises(ValueError, match=f"0 to 999; got {timestep}"):
        backbone.read(latents, text, Reading((6,)), timestep=timestep)


@pytest.mark.parametrize(
    ("phrase", "unknown"),
    [
        ("the red ball", ()),
        ("The RED Ball, left of a star!", ()),
        ("a purple Cat and the purple ball", ("purple", "cat")),
        ("red-ball", ()),
        ("bal", ("bal",)),
        ("tar", ("tar",)),  # a tail of "star" may be a token, yet it is no word of this vocabulary
        ("красный ball 🐱", ("красный", "🐱")),
        ("", ()),
    ],
)
def test_unknown_words_are_those_the_backbone_was_not_taught(backbone, phrase, unknown):
    assert backbone.unknown_words(phrase) == unknown


def test_a_vocabulary_of_pieces_knows_every_word(backbone):
    vocabulary = {
        token: number for number, token in enumerate(("<|startoftext|>", "<|endoftext|>"))
    }
    tokenizer = CLIPTokenizer(vocab=vocabulary)
    parts = (backbone.vae, backbone.unet, backbone.text_encoder, tokenizer, backbone.scheduler)
    assert LatentDiffusion(*parts).unknown_words("flabbergasting") == ()
