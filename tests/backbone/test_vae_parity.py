"""The first stage against the official one: the same weights and image give the same latents."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

from ldznet.backbone import LatentDiffusion

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "ldznet_official"
LEVELS = 4


def draw(seed, shape):
    return np.random.RandomState(zlib.crc32(seed.encode())).standard_normal(shape)


def draw_weight(key, shape):
    """The fixture's weight rule (see its README)."""
    values = draw(key, shape)
    if len(shape) >= 2:
        values = values / np.sqrt(np.prod(shape[1:]))
    else:
        values = (1 if key.endswith(".weight") else 0) + 0.1 * values
    return torch.from_numpy(values.astype(np.float32))


@pytest.fixture(scope="module")
def first_stage():
    return json.loads((OFFICIAL / "manifest.json").read_text())["vae_encoder"]


@pytest.fixture(scope="module")
def expected():
    return np.load(OFFICIAL / "vae_encoder.npz")


@pytest.fixture(scope="module")
def vae(first_stage):
    """Diffusers' autoencoder, its encoder with the fixture's weights."""
    widths = [first_stage["config"]["ch"] * factor for factor in first_stage["config"]["ch_mult"]]
    vae = AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * LEVELS,
        up_block_types=("UpDecoderBlock2D",) * LEVELS,
        layers_per_block=first_stage["config"]["num_res_blocks"],
        latent_channels=4,
    )
    prefix = first_stage["prefix"]
    weights = {
        prefix + key: draw_weight(prefix + key, shape)
        for key, shape in first_stage["state"].items()
    }
    converted = convert_ldm_vae_checkpoint(weights, vae.config)
    assert len(converted) == len(weights)
    left = vae.load_state_dict(converted, strict=False)
    assert not left.unexpected_keys
    assert all(key.startswith(("decoder.", "post_quant_conv.")) for key in left.missing_keys)
    return vae.eval()


@pytest.fixture(scope="module")
def image(first_stage):
    """(1, 3, 64, 96) float32 in [-1, 1]."""
    seed, shape = first_stage["image"]["seed_name"], first_stage["image"]["shape"]
    return torch.from_numpy(np.tanh(draw(seed, shape)).astype(np.float32))


@torch.no_grad()
def test_moments(vae, image, expected):
    posterior = vae.encode(image).latent_dist
    assert np.abs(posterior.parameters.numpy() - expected["moments"]).max() < 1e-5


def test_latents_of_the_backbone(vae, image, expected, backbone):
    """Downsampled without symmetric padding, the posterior's mode, scaled by 0.18215."""
    latent_diffusion = LatentDiffusion(
        vae, backbone.unet, backbone.text_encoder, backbone.tokenizer, backbone.scheduler
    )
    latents = latent_diffusion.encode_image(image).numpy()
    assert np.abs(latents - expected["latent_mode_scaled"]).max() < 1e-5


def test_epsilons(vae):
    norms = [module for module in vae.modules() if isinstance(module, torch.nn.GroupNorm)]
    assert norms
    assert {norm.eps for norm in norms} == {1e-6}
