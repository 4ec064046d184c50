"""Training a network: attention spelled out gives what fused attention gives, both ways."""

import copy

import torch

from ldznet.training.network import use_fast_attention


def test_output_and_gradients_equal_fused_attention(backbone):
    fused = copy.deepcopy(backbone.unet).requires_grad_(True)
    spelled = copy.deepcopy(fused)
    use_fast_attention(spelled, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 4, 16, 16, generator=generator)
    text = torch.randn(2, 16, 32, generator=generator)

    outputs = [unet(latents, 300, text).sample for unet in (fused, spelled)]
    for output in outputs:
        output.square().mean().backward()

    assert torch.allclose(*outputs, atol=1e-5)
    for (name, one), other in zip(fused.named_parameters(), spelled.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-5), name


def test_an_accelerator_keeps_its_own_kernels(backbone):
    unet = copy.deepcopy(backbone.unet)
    before = {name: type(each) for name, each in unet.attn_processors.items()}
    use_fast_attention(unet, torch.device("cuda"))
    assert {name: type(each) for name, each in unet.attn_processors.items()} == before
