"""A backbone of Stable Diffusion 2.1's kind against diffusers and against explicit softmax."""

import copy

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from ldznet.backbone import LatentDiffusion, generate, record
from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.inspection import Subject, text_change
from tests.conftest import features_of


@pytest.fixture(scope="module")
def stock(second_folder):
    pipeline = StableDiffusionPipeline.from_pretrained(
        second_folder, safety_checker=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_the_configuration_survives(second):
    scheduler, unet = second.scheduler, second.unet
    assert isinstance(scheduler, DDIMScheduler)
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.timestep_spacing == "trailing"
    assert (unet.config.use_linear_projection, unet.config.upcast_attention) == (True, True)
    heads = {find_block(unet, n).transformer_blocks[0].attn1.heads for n in BLOCKS}
    assert heads == {1, 2, 4, 8}
    noise = second.draw_noise((1, 4, 8, 8), 0)
    # Without a rest of signal at the end, latents however loud vanish in the noise.
    assert torch.equal(second.add_noise(1000 * torch.ones_like(noise), 999, noise), noise)


@pytest.mark.parametrize("guidance", [1, 4.0])
def test_it_draws_what_the_stock_pipeline_draws(second, stock, guidance):
    assert isinstance(stock.scheduler, DDIMScheduler)
    made = generate(second, "a red ball", steps=10, guidance=guidance, seed=3)
    alone = stock(
        "a red ball",
        height=64,
        width=64,
        num_inference_steps=10,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(3),
    ).images[0]
    assert made.image.tobytes() == np.asarray(alone).tobytes()
    assert list(made.trajectory) == list(range(999, 0, -100))
    assert (made.feature_timestep, tuple(made.features)) == (399, FUSION_BLOCKS)


def test_recorded_attention_is_the_softmax_of_every_head(second):
    latents, text = second.draw_noise((1, 4, 16, 8), 1), second.encode_text(["red ball"])
    inputs = {}
    handles = [
        getattr(find_block(second.unet, number).transformer_blocks[0], name).register_forward_hook(
            lambda layer, args, kwargs, output, at=(number, kind): inputs.update(
                {at: (layer, args[0], kwargs.get("encoder_hidden_states"))}
            ),
            with_kwargs=True,
        )
        for number in BLOCKS
        for kind, name in (("self", "attn1"), ("cross", "attn2"))
    ]
    with torch.no_grad(), record(second.unet, attention=BLOCKS) as recording:
        second.unet(latents, 400, text)
    for handle in handles:
        handle.remove()
    assert len(recording.attention) == 32
    for (_, number, kind), found in recording.attention.items():
        layer, queries, keys = inputs[number, kind]
        keys = queries if keys is None else keys
        query = (queries[0].double() @ layer.to_q.weight.T.double()).numpy()
        key = (keys[0].double() @ layer.to_k.weight.T.double()).numpy()
        width = query.shape[1] // layer.heads
        maps = []
        for head in range(layer.heads):
            here = slice(head * width, (head + 1) * width)
            score = np.exp(query[:, here] @ key[:, here].T / width**0.5)
            maps.append(score / score.sum(axis=1, keepdims=True))
        np.testing.assert_allclose(found[0].numpy(), np.mean(maps, axis=0), atol=1e-6)


def of_kind(backbone, kind):
    """The same backbone read as if it had been trained to predict something else."""
    scheduler = DDIMScheduler.from_config(
        backbone.scheduler.config, prediction_type=kind, rescale_betas_zero_snr=False
    )
    return LatentDiffusion(
        backbone.vae, backbone.unet, backbone.text_encoder, backbone.tokenizer, scheduler
    )


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_the_noise_estimate_is_what_the_sampler_takes_out(second, kind):
    """x = alpha x0 + sigma noise, with the clean latents x0 that diffusers' own step reports."""
    backbone = of_kind(second, kind)
    noisy, text = backbone.draw_noise((1, 4, 16, 16), 5), backbone.encode_text(["a car"])
    with torch.no_grad():
        output = backbone.unet(noisy, 400, text).sample
    scheduler = copy.deepcopy(backbone.scheduler)
    scheduler.set_timesteps(1000)
    clean = scheduler.step(output, 400, noisy).pred_original_sample
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)[400]
    expected = (noisy - kept**0.5 * clean) / (1 - kept) ** 0.5
    found = backbone.estimate_noise(noisy, text, 400)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_features_do_not_depend_on_what_is_predicted_and_the_change_of_text_does(second):
    noise = second.draw_noise((1, 4, 16, 16), 5)
    text = second.encode_text(["red ball", ""])
    subject = Subject(image=np.zeros((64, 64, 3), np.uint8), latents=noise)
    velocity = of_kind(second, "v_prediction")
    for block, feature in features_of(second, noise, text[:1], 400).items():
        assert torch.equal(feature, features_of(velocity, noise, text[:1], 400)[block])
    of_noise = text_change(of_kind(second, "epsilon"), subject, "red ball", timestep=400)
    of_velocity = text_change(velocity, subject, "red ball", timestep=400)
    # The same output differs by the signal's share: noise = alpha v + sigma x, with one x for both.
    alpha = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)[400] ** 0.5
    assert of_noise.max() > 0
    np.testing.assert_allclose(of_velocity, alpha * of_noise, atol=1e-5)
