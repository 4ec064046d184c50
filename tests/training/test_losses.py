import math

import torch

from ldznet.training.losses import (
    denoising_loss,
    mask_loss,
    reconstruction_loss,
    velocity_loss,
)


def test_the_noise_error_is_weighted_by_min_snr():
    noise = torch.zeros(2, 4, 8, 8)
    prediction = torch.ones_like(noise)
    # Little signal: full weight. Signal ten times the noise: weight 5 / 10.
    loss = denoising_loss(prediction, noise, torch.tensor([0.1, 10.0]))
    assert math.isclose(loss.item(), (1 + 0.5) / 2, rel_tol=1e-6)


def test_the_mask_loss_is_the_mean_cross_entropy():
    logits = torch.tensor([[[[math.log(3.0), 0.0]]]])  # probabilities 0.75 and 0.5
    mask = torch.tensor([[[[1.0, 0.0]]]])
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert math.isclose(mask_loss(logits, mask).item(), expected, rel_tol=1e-6)


def test_a_perfect_reconstruction_costs_only_the_divergence():
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    mean, logvar = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    assert reconstruction_loss(picture, picture, mean, logvar).item() == 0
    # The divergence of N(1, 1) from N(0, 1) is one half per element.
    costly = reconstruction_loss(picture, picture, mean + 1, logvar).item()
    assert math.isclose(costly, 0.5 * 2e-4, rel_tol=1e-5)


def test_a_constant_offset_costs_no_edges():
    picture = torch.zeros(1, 3, 16, 16)
    zeros = torch.zeros(1, 4, 2, 2)
    # |d| for the pixels, |d| for the areas, d^2 / 2 for the square; gradients are equal.
    loss = reconstruction_loss(picture + 0.1, picture, zeros, zeros).item()
    assert math.isclose(loss, 0.1 + 0.1 + 0.5 * 0.01, rel_tol=1e-5)


def test_the_velocity_error_is_weighted_by_min_snr_and_never_left_out():
    velocity = torch.zeros(3, 4, 8, 8)
    prediction = torch.full_like(velocity, 2.0)
    # No signal: the floor. As much as noise: 1 / 2. Nine times: 5 / 10.
    loss = velocity_loss(prediction, velocity, torch.tensor([0.0, 1.0, 9.0]))
    assert math.isclose(loss.item(), 4 * (0.1 + 0.5 + 0.5) / 3, rel_tol=1e-6)
