"""A prepared model against itself before: the same numbers from the same weights."""

import copy

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from torch.nn import functional

from ldznet.execution import prepare
from ldznet.execution.attention import DirectAttention, attend
from ldznet.execution.packing import PackedConvolution
from ldznet.execution.residual import DirectResidual


def build(kind, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(**options).requires_grad_(False).eval()


def kinds(model):
    return {type(module) for module in model.modules()}


@torch.no_grad()
def test_a_unet_computes_the_same():
    options = {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 32}
    stock = build(UNet2DConditionModel, attention_head_dim=4, **options)
    prepared = copy.deepcopy(stock)
    prepare(prepared)
    assert {DirectAttention, DirectResidual, PackedConvolution} <= kinds(prepared)
    assert not {Attention, ResnetBlock2D} & kinds(prepared)
    latents, text = torch.randn(2, 4, 16, 8), torch.randn(2, 5, 32)
    kept = latents.clone()
    for _ in range(2):
        difference = prepared(latents, 400, text).sample - stock(latents, 400, text).sample
        assert difference.abs().max() < 1e-5
    assert torch.equal(latents, kept)


@torch.no_grad()
def test_an_autoencoder_computes_the_same():
    vae = build(
        AutoencoderKL,
        block_out_channels=(32, 128),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    prepared = copy.deepcopy(vae)
    prepare(prepared)
    assert {DirectResidual, PackedConvolution, Attention} <= kinds(prepared)
    pixels = torch.rand(1, 3, 24, 16) * 2 - 1
    latents = vae.encode(pixels).latent_dist.mean
    torch.testing.assert_close(prepared.encode(pixels).latent_dist.mean, latents, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        prepared.decode(latents).sample, vae.decode(latents).sample, rtol=0, atol=1e-5
    )


@torch.no_grad()
def test_large_attention_in_low_precision_is_as_exact_as_the_fused_kernel():
    query, key, value = torch.randn(3, 2, 2, 600, 40, generator=torch.manual_seed(0)).bfloat16()
    exact = functional.scaled_dot_product_attention(query.double(), key.double(), value.double())
    fused = functional.scaled_dot_product_attention(query, key, value)
    error, usual = ((found - exact).abs().mean() for found in (attend(query, key, value), fused))
    assert error < 3 * usual
