"""What tricks buy: each run lacks exactly the trick that is measured, and all are back after."""

import torch
from diffusers import UNet2DConditionModel

from ldznet.execution import prepare
from ldznet.execution.attention import DirectAttention
from ldznet.execution.packing import PackedConvolution, PackedLinear
from ldznet.execution.residual import DirectResidual
from ldznet.experiments.bench.execution import measure_tricks

ATTENTION, RESIDUALS, PACKING = {DirectAttention}, {DirectResidual}, {PackedConvolution}
FAST = ATTENTION | RESIDUALS | PACKING | {PackedLinear}


@torch.no_grad()
def test_each_trick_is_left_out_in_turn():
    unet = UNet2DConditionModel(
        block_out_channels=(32, 64, 128, 128), cross_attention_dim=32, attention_head_dim=4
    )
    prepare(unet.requires_grad_(False).eval())
    latents, text = torch.randn(1, 4, 8, 8), torch.randn(1, 5, 32)
    first = unet(latents, 400, text).sample
    missing = []

    def work():
        missing.append(FAST - {type(module) for module in unet.modules()})
        torch.testing.assert_close(unet(latents, 400, text).sample, first, atol=1e-5, rtol=0)

    result = measure_tricks([unet], work, 1)
    assert list(result) == ["direct attention", "direct residuals", "packing", "all"]
    packed = PACKING | {PackedLinear}
    without = [each for each in missing if each]
    assert without == [ATTENTION, RESIDUALS, packed, FAST]
    assert missing[0] == missing[1] == set()
    assert all(each["ratio"]["median"] > 0 for each in result.values())
    work()
    assert missing[-1] == set()
