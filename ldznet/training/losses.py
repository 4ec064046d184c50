"""The losses of the three trainings."""

import torch
from torch import Tensor
from torch.nn import functional

LEAST_WEIGHT = 0.1  # of a timestep, in the loss of the velocity


def reconstruction_loss(output: Tensor, target: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """First-stage loss: colours, edges and large areas of the picture, and a slight KL term.

    `output`, `target` are (B, 3, H, W) in [-1, 1]; `mean`, `logvar` the posterior's (B, 4, h, w).
    L1 alone leaves edges soft, so its gradients count too; the pooled term keeps flat areas even.
    The KL weight only keeps the latents bounded, as in Stable Diffusion's first stage.
    """
    absolute = functional.l1_loss(output, target)
    edges = functional.l1_loss(output.diff(dim=-1), target.diff(dim=-1)) + functional.l1_loss(
        output.diff(dim=-2), target.diff(dim=-2)
    )
    areas = functional.l1_loss(functional.avg_pool2d(output, 4), functional.avg_pool2d(target, 4))
    squared = functional.mse_loss(output, target)
    divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
    return absolute + 0.25 * edges + areas + 0.5 * squared + 2e-4 * divergence


def denoising_loss(
    prediction: Tensor, noise: Tensor, signal_to_noise: Tensor, limit: float = 5.0
) -> Tensor:
    """Squared error of the predicted noise, each timestep weighted by min-SNR.

    `signal_to_noise` is (B,), abar / (1 - abar) of each sample's timestep. Source: Hang et al.,
    "Efficient Diffusion Training via Min-SNR Weighting Strategy" (ICCV 2023), noise prediction.
    """
    error = (prediction - noise).square().mean(dim=(1, 2, 3))
    weight = torch.clamp(signal_to_noise, max=limit) / signal_to_noise
    return (weight * error).mean()


def velocity_loss(
    prediction: Tensor, velocity: Tensor, signal_to_noise: Tensor, limit: float = 5.0
) -> Tensor:
    """Squared error of the predicted velocity, each timestep weighted by min-SNR, at least by 0.1.

    `signal_to_noise` is (B,), abar / (1 - abar) of each sample's timestep; at the last one of a
    schedule with zero terminal SNR it is 0, and only the floor lets the loss see that timestep.
    Source: Hang et al. (see `denoising_loss`), v prediction: min(SNR, limit) / (SNR + 1).
    """
    error = (prediction - velocity).square().mean(dim=(1, 2, 3))
    weight = torch.clamp(signal_to_noise, max=limit) / (signal_to_noise + 1)
    return (weight.clamp(min=LEAST_WEIGHT) * error).mean()


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of logits against the true mask, both (B, 1, H, W) (paper 4.1)."""
    return functional.binary_cross_entropy_with_logits(logits, mask)
