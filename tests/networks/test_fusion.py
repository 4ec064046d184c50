"""The pool and the third attention against independent computations."""

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from torch import nn
from torch.nn import functional

from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.networks import LDZNet
from ldznet.networks.fusion import AttentionPool2d, FusionBlock, install_fusion


@pytest.fixture
def pool():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AttentionPool2d(channels=32, grid=4).requires_grad_(False)


def test_pool_is_multi_head_attention_over_cells_and_their_mean(pool):
    feature = torch.randn(2, 32, 4, 4, generator=torch.Generator().manual_seed(1))
    reference = nn.MultiheadAttention(32, 8, batch_first=True).requires_grad_(False)
    reference.in_proj_weight.copy_(pool.qkv.weight)
    reference.in_proj_bias.copy_(pool.qkv.bias)
    reference.out_proj.load_state_dict(pool.out.state_dict())
    tokens = torch.stack(
        [
            feature.mean(dim=(2, 3)),
            *(feature[:, :, row, column] for row in range(4) for column in range(4)),
        ],
        dim=1,
    )
    tokens = tokens + pool.positions
    expected, _ = reference(tokens, tokens, tokens)
    torch.testing.assert_close(pool(feature), expected, atol=1e-5, rtol=1e-5)


def test_positions_of_another_size_are_resized(pool):
    resized = pool.positions_for(8, 12)
    assert resized.shape == (1 + 8 * 12, 32)
    assert torch.equal(resized[0], pool.positions[0])  # the mean's own position
    table = pool.positions[1:].reshape(4, 4, 32)
    square = functional.interpolate(
        table.permute(2, 0, 1)[None], size=(8, 12), mode="bicubic", align_corners=False
    )
    assert torch.equal(resized[1:].reshape(8, 12, 32), square[0].permute(1, 2, 0))


def test_resized_positions_keep_their_place(pool):
    """A table rising from left to right and one from top to bottom still do, as Pillow agrees."""
    ramp = torch.arange(4.0)
    pool.positions[1:, 0] = ramp.repeat(4)
    pool.positions[1:, 1] = ramp.repeat_interleave(4)
    resized = pool.positions_for(6, 10)[1:].reshape(6, 10, 32)
    for channel, source in ((0, ramp.repeat(4, 1)), (1, ramp.repeat(4, 1).T)):
        image = Image.fromarray(source.contiguous().numpy())
        wanted = torch.tensor(list(image.resize((10, 6), Image.BICUBIC).get_flattened_data()))
        assert (resized[:, :, channel].flatten() - wanted).abs().max() < 0.2


def test_as_many_cells_read_the_table_row_by_row(pool):
    """The official code compares counts, not sides; released weights were used that way."""
    assert torch.equal(pool.positions_for(2, 8), pool.positions)
    assert not torch.equal(pool.positions_for(2, 8), pool.positions_for(2, 9)[: 1 + 16])


def test_grids_follow_the_native_size():
    for side, coarse in ((48, 12), (32, 8), (16, 4)):
        with torch.device("meta"):
            network = LDZNet(sample_size=side, block_out_channels=(32, 32, 32, 32))
        for number in BLOCKS:
            (block,) = find_block(network.unet, number).transformer_blocks
            assert (block.attn3 is not None) == (number in FUSION_BLOCKS)
            if number in FUSION_BLOCKS:
                grid = coarse // 2 if number == 7 else coarse
                assert block.pool.positions.shape == (1 + grid * grid, 32)


def test_blocks_without_fusion_compute_what_stock_blocks_compute(tiny_unet, encode):
    fused = UNet2DConditionModel.from_config(tiny_unet.config)
    install_fusion(fused, sample_size=16)
    left = fused.eval().load_state_dict(tiny_unet.state_dict(), strict=False)
    assert not left.unexpected_keys
    encoding = encode()
    given = {"ldm_features": encoding.features}
    with torch.no_grad():
        stock = tiny_unet(encoding.latents, 9, encoding.text).sample
        ours = fused(encoding.latents, 9, encoding.text, cross_attention_kwargs=given).sample
    assert torch.equal(ours, stock)


def test_silenced_ldznet_equals_znet(tiny, encode):
    znet, ldznet = tiny("znet"), tiny("ldznet", seed=1, silent=True)
    left = ldznet.load_state_dict(znet.state_dict(), strict=False)
    assert not left.unexpected_keys
    encoding = encode(h=24, w=16)
    with torch.no_grad():
        assert torch.equal(ldznet(encoding), znet(encoding))


@pytest.mark.parametrize("block", FUSION_BLOCKS)
def test_every_feature_matters_at_every_place(tiny, encode, block):
    network, encoding = tiny("ldznet"), encode(rows=1)
    features = {number: tensor.requires_grad_() for number, tensor in encoding.features.items()}
    logits = network(replace(encoding, features=features))
    # One pixel depends on all cells of the feature, since attention looks everywhere.
    gradient = torch.autograd.grad(logits[0, 0, 60, 60], features[block])[0]
    assert (gradient.abs().sum(dim=1) > 0).all()


def test_features_are_only_read(tiny, encode):
    encoding = encode()
    before = {number: tensor.clone() for number, tensor in encoding.features.items()}
    network = tiny("ldznet")
    with torch.no_grad():
        first, second = network(encoding), network(encoding)
    assert torch.equal(first, second)
    assert encoding.features.keys() == before.keys()
    assert all(torch.equal(encoding.features[number], before[number]) for number in before)


def test_features_of_unread_blocks_change_nothing(tiny, encode):
    network, encoding = tiny("ldznet"), encode()
    more = {**encoding.features, 1: torch.full((2, 16, 16, 16), torch.nan)}
    with torch.no_grad():
        assert torch.equal(network(replace(encoding, features=more)), network(encoding))


def test_missing_features_are_named(tiny, encode):
    encoding = encode()
    some = {number: encoding.features[number] for number in (6, 7, 9)}
    with pytest.raises(ValueError, match=r"lacks 8, 10; encode the image with features"):
        tiny("ldznet")(replace(encoding, features=some))


def test_a_new_fusion_learns_from_the_first_step(tiny, encode):
    """It starts silent, yet its output layer has a gradient at once and the rest a step later."""
    network, encoding = tiny("ldznet", silent=True).train(), encode()
    target = (torch.rand(2, 1, 128, 128, generator=torch.Generator().manual_seed(3)) > 0.5).float()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    blocks = [module for module in network.modules() if isinstance(module, FusionBlock)]
    blocks = [block for block in blocks if block.attn3 is not None]

    def backward():
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(network(encoding), target).backward()

    backward()
    assert all(block.attn3.to_out[0].weight.grad.any() for block in blocks)
    optimizer.step()
    backward()
    for block in blocks:
        fusion = [*block.pool.parameters(), *block.norm_ldm.parameters(), *block.attn3.parameters()]
        assert all(parameter.grad.any() for parameter in fusion)
