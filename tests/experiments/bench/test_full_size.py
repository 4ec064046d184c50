"""The counted work of the full-size models, against the published topology's known sizes."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from ldznet.experiments.bench.full_size import count_operations, fill


def test_operations_at_full_size():
    """Giga operations of a 384 x 384 picture; 48.3 % of the LDM's come after block 10."""
    counts = count_operations()
    assert counts["vae"] == pytest.approx(620, rel=0.01)
    assert counts["ldm"] == pytest.approx(423, rel=0.01)
    assert 1 - counts["ldm to block 10"] / counts["ldm"] == pytest.approx(0.483, abs=0.002)


@torch.no_grad()
def test_filled_weights_keep_activations_finite_in_low_precision():
    def build():
        return UNet2DConditionModel(block_out_channels=(32, 64, 64, 64), cross_attention_dim=32)

    unet = fill(build, torch.bfloat16)
    output = unet(torch.randn(1, 4, 16, 16).bfloat16(), 400, torch.randn(1, 5, 32).bfloat16())
    assert output.sample.isfinite().all()
    assert 0.01 < output.sample.float().std() < 100
    assert not any(parameter.requires_grad for parameter in unet.parameters())
