"""Subjects of pictures and of generations, and their latents at any timestep."""

import numpy as np
import pytest
import torch

from ldznet.backbone import generate
from ldznet.inspection import noisy_latents, subject_of_generation, subject_of_image


def test_a_picture_comes_at_working_size_with_its_latents(segmenter, subject):
    assert subject.image.shape == (64, 96, 3)
    assert subject.image.dtype == np.uint8
    assert subject.grid == (16, 24)
    assert not subject.trajectory
    # The batch comes first here too: a convolution's last bit depends on the strides.
    pixels = torch.from_numpy(subject.image[None].copy()).permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.equal(subject.latents, segmenter.backbone.encode_image(pixels))


def test_a_picture_of_the_native_size_is_taken_as_it_is(segmenter):
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert (subject_of_image(segmenter, image).image == image).all()


@pytest.mark.parametrize("timestep", [0, 400, 999])
def test_noise_follows_the_schedule(backbone, subject, timestep):
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2  # scaled linear
    kept = np.prod(1 - betas[: timestep + 1])
    noise = torch.randn(1, 4, 16, 24, generator=torch.Generator().manual_seed(7))
    expected = kept**0.5 * subject.latents + (1 - kept) ** 0.5 * noise
    noisy = noisy_latents(backbone, subject, timestep, seed=7)
    torch.testing.assert_close(noisy, expected.float(), atol=1e-4, rtol=0)
    assert not torch.equal(noisy, noisy_latents(backbone, subject, timestep, seed=8))


def test_a_visited_timestep_has_the_samplers_own_latents(backbone):
    generation = generate(backbone, "red ball", steps=4, seed=2)
    subject = subject_of_generation(generation)
    assert (subject.prompt, subject.seed, len(subject.trajectory)) == ("red ball", 2, 4)
    assert (subject.image == generation.image).all()
    first, *_ = subject.trajectory
    noise = backbone.draw_noise((1, 4, 16, 16), seed=2)  # what the sampler started from
    torch.testing.assert_close(
        noisy_latents(backbone, subject, first, seed=99), noise, atol=2e-3, rtol=1e-3
    )
    between = noisy_latents(backbone, subject, first - 1, seed=99)
    assert not torch.equal(between, noisy_latents(backbone, subject, first - 1, seed=98))


def test_a_timestep_outside_the_schedule_is_refused(backbone, subject):
    with pytest.raises(ValueError, match="from 0 to 999; got 1000"):
        noisy_latents(backbone, subject, 1000)
