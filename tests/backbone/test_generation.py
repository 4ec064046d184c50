"""`generate()` against the stock pipeline alone, and what it keeps against a U-Net run by hand."""

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from ldznet.backbone import GenerationStopped, feature_timestep, generate
from ldznet.backbone.generation import MAX_STEPS
from ldznet.backbone.ldm import MAX_SEED
from ldznet.blocks import FUSION_BLOCKS, find_block

PROMPT = "a red ball left of a blue car"
NEGATIVE = "a tree"
TEN = list(range(901, 0, -100))  # what DDIM visits in ten steps: every hundredth, and one


@pytest.fixture(scope="module")
def stock(backbone_folder):
    """Diffusers' pipeline with parts of its own, loaded by diffusers."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        backbone_folder, safety_checker=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(stock, steps, guidance, seed, **options):
    return stock(
        PROMPT,
        negative_prompt=NEGATIVE,
        height=64,
        width=64,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(seed),
        **options,
    ).images[0]


@pytest.fixture(scope="module", params=[1, 4.0])
def made(request, backbone):
    """A generation without guidance, and one with it."""
    guidance = request.param
    return generate(backbone, PROMPT, negative_prompt=NEGATIVE, steps=10, guidance=guidance, seed=7)


def hooks_in(backbone):
    return [
        hook
        for model in (backbone.unet, backbone.vae, backbone.text_encoder)
        for part in model.modules()
        for hook in (*part._forward_hooks.values(), *part._forward_pre_hooks.values())
    ]


def test_the_picture_is_the_stock_pipelines_bit_for_bit(made, stock, backbone):
    alone = np.asarray(draw(stock, 10, made.guidance, 7))
    assert alone.shape == (64, 64, 3)
    assert made.image.tobytes() == alone.tobytes()
    latents = draw(stock, 10, made.guidance, 7, output_type="latent")
    assert (made.latents.dtype, made.latents.shape) == (torch.float32, (1, 4, 16, 16))
    assert torch.equal(made.latents[0], latents)
    assert hooks_in(backbone) == []


def test_it_says_what_it_was_asked(made):
    assert (made.prompt, made.negative_prompt) == (PROMPT, NEGATIVE)
    assert (made.seed, made.steps) == (7, 10)
    assert made.guidance in (1, 4)


def test_the_trajectory_leads_from_the_noise_to_the_last_latents(made, backbone):
    """Every step redone by diffusers' scheduler from the latents that entered it."""
    assert list(made.trajectory) == TEN
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(7))
    assert torch.equal(made.trajectory[901], noise.half())
    scheduler = DDIMScheduler.from_config(backbone.scheduler.config)
    scheduler.set_timesteps(10)
    texts = backbone.encode_text([NEGATIVE, PROMPT])
    left = [*list(made.trajectory.values())[1:], made.latents]
    for timestep, after in zip(TEN, left, strict=True):
        before = made.trajectory[timestep].float()
        with torch.no_grad():
            without, named = backbone.unet(before.repeat(2, 1, 1, 1), timestep, texts).sample
        noise = without + made.guidance * (named - without)
        expected = scheduler.step(noise[None], timestep, before).prev_sample
        torch.testing.assert_close(after.float(), expected, atol=0.02, rtol=0.01)


def outputs(unet, latents, text):
    """Blocks' outputs in a plain pass, kept by hooks written for this test alone."""
    kept = {}
    handles = [
        find_block(unet, number).register_forward_hook(
            lambda module, args, output, number=number: kept.update({number: output[0]})
        )
        for number in FUSION_BLOCKS
    ]
    with torch.no_grad():
        unet(latents, 401, text)
    for handle in handles:
        handle.remove()
    return kept


def test_features_follow_the_prompt_and_not_the_negative_one(made, backbone):
    assert made.feature_timestep == 401
    assert tuple(made.features) == FUSION_BLOCKS
    latents = made.trajectory[401].float()
    named = outputs(backbone.unet, latents, backbone.encode_text([PROMPT]))
    other = outputs(backbone.unet, latents, backbone.encode_text([NEGATIVE]))
    for number, kept in made.features.items():
        assert (kept.dtype, kept.device.type) == (torch.float16, "cpu")
        error = (kept.float() - named[number]).abs().max()
        assert error < 0.01  # the latents and the features were rounded to half precision
        assert error < 0.1 * (kept.float() - other[number]).abs().max()


def test_what_is_kept_holds_no_more_memory_than_it_shows(made):
    for tensor in (*made.features.values(), *made.trajectory.values(), made.latents):
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        assert not tensor.requires_grad


def test_a_seed_gives_the_same_bits_again_and_another_seed_others(backbone):
    first, again, other = (generate(backbone, PROMPT, steps=3, seed=seed) for seed in (5, 5, 6))
    assert first.image.tobytes() == again.image.tobytes()
    assert torch.equal(first.latents, again.latents)
    assert all(torch.equal(first.features[n], again.features[n]) for n in FUSION_BLOCKS)
    assert not np.array_equal(first.image, other.image)
    assert generate(backbone, PROMPT, steps=1, seed=MAX_SEED).seed == MAX_SEED


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_sampler_that_passes_by_keeps_no_features(backbone, steps):
    made = generate(backbone, PROMPT, steps=steps)
    assert (dict(made.features), made.feature_timestep) == ({}, None)
    assert len(made.trajectory) == steps


@pytest.mark.parametrize(
    ("visited", "expected"),
    [
        ([981, 451, 401, 351, 1], 401),
        ([501, 334, 1], 334),
        ([300, 499], 499),
        ([300], 300),
        ([500, 299], None),
        ([], None),
    ],
)
def test_the_timestep_of_the_features_by_hand(visited, expected):
    assert feature_timestep(visited) == expected


def test_every_step_is_told_while_it_happens(backbone):
    told = []
    made = generate(backbone, PROMPT, steps=10, on_step=told.append)
    assert [step.number for step in told] == list(range(1, 11))
    assert [step.timestep for step in told] == TEN
    assert {step.total for step in told} == {10}
    assert torch.equal(told[-1].latents, made.latents)
    for step, entered in zip(told, list(made.trajectory.values())[1:], strict=False):
        assert torch.equal(step.latents.half(), entered)


@pytest.mark.parametrize("fault", [GenerationStopped, RuntimeError])
def test_a_generation_that_is_stopped_leaves_nothing_behind(backbone, fault):
    before = generate(backbone, PROMPT, steps=4)
    passes = []

    def stop(step):
        passes.append(step.number)
        if step.number == 2:
            raise fault

    with pytest.raises(fault):
        generate(backbone, PROMPT, steps=4, on_step=stop)
    assert passes == [1, 2]
    assert hooks_in(backbone) == []
    assert generate(backbone, PROMPT, steps=4).image.tobytes() == before.image.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": " "}, "The prompt is empty"),
        # The encoder reads 14 tokens; every word of this is one.
        ({"prompt": "red " * 14 + "ball star"}, r"prompt is too long: .* 2 words, 'ball star'"),
        (
            {"negative_prompt": "car " * 30},
            r"negative prompt .* 16 words, '(car ){6}… (car ){5}car'",
        ),
        # spelt in five tokens, of which one fits
        ({"prompt": "red " * 13 + "zebra"}, "cut the last word, 'zebra'"),
        ({"steps": 0}, "steps must be from 1 to 100; got 0"),
        ({"steps": 10_000}, f"steps must be from 1 to {MAX_STEPS}; got 10000"),
        ({"guidance": 0.5}, "guidance must be from 1 to 30; got 0.5"),
        ({"guidance": float("nan")}, "guidance must be from 1 to 30; got nan"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": MAX_SEED + 1}, "seed must be from 0"),
    ],
)
def test_bad_requests_are_refused_before_any_model_runs(backbone, monkeypatch, change, message):
    monkeypatch.setattr(backbone.unet, "forward", None)
    request = {"prompt": PROMPT, "steps": 2} | change
    with pytest.raises(ValueError, match=message) as refused:
        generate(backbone, **request)
    assert "\n" not in str(refused.value)


def test_the_longest_prompt_that_fits_is_drawn(backbone):
    assert generate(backbone, "red " * 14, steps=1).image.shape == (64, 64, 3)


def test_pocket_draws_what_the_stock_pipeline_draws(pocket):
    """Its autoencoder cuts pictures into patches, which a pipeline does not know of."""
    backbone = pocket.backbone
    made = generate(backbone, "a photo of a red ball on grass", steps=3, seed=1)
    stock = StableDiffusionPipeline(
        backbone.vae,
        backbone.text_encoder,
        backbone.tokenizer,
        backbone.unet,
        DDIMScheduler.from_config(backbone.scheduler.config),
        None,
        None,
        requires_safety_checker=False,
    )
    stock.set_progress_bar_config(disable=True)
    alone = stock(
        made.prompt,
        num_inference_steps=3,
        guidance_scale=made.guidance,
        latents=torch.randn(made.latents.shape, generator=torch.Generator().manual_seed(1)),
    ).images[0]
    assert made.image.tobytes() == np.asarray(alone).tobytes()
