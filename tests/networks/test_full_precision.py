"""Layers that keep their precision: their weights' bits, where they go, and what they compute."""

import pytest
import torch

from ldznet.networks import load_network

KEPT = ("head.", "unet.conv_norm_out.", "unet.conv_out.")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_cast_network_keeps_its_output_in_float32_bit_for_bit(networks_folder, dtype):
    network = load_network(networks_folder / "ldznet")
    before = {name: each.clone() for name, each in network.state_dict().items()}
    for name, each in network.to(dtype).state_dict().items():
        if name.startswith(KEPT):
            assert torch.equal(each, before[name])
            assert each.dtype == torch.float32
        else:
            assert each.dtype == dtype
    assert network.head(torch.zeros(1, 1, 8, 8, dtype=dtype)).dtype == torch.float32


def test_other_casts_and_moves_are_not_held_back(networks_folder):
    network = load_network(networks_folder / "znet").double()
    assert {each.dtype for each in network.state_dict().values()} == {torch.float64}
    assert {each.dtype for each in network.float().state_dict().values()} == {torch.float32}
    moved = network.to("meta", torch.bfloat16)
    assert all(each.is_meta for each in moved.state_dict().values())
    assert moved.head[0].weight.dtype == torch.float32


def test_the_output_is_the_products_of_float32_on_what_comes_in(networks_folder):
    """The last two layers redone by hand from the rounded map that the U-Net's blocks leave."""
    network = load_network(networks_folder / "znet").to(torch.bfloat16)
    normal, last = network.unet.conv_norm_out, network.unet.conv_out
    states = torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.no_grad():
        found = last(torch.nn.functional.silu(normal(states)))
    groups = states.double().unflatten(1, (8, 4))
    mean, deviation = (
        groups.mean((2, 3, 4), True),
        groups.var((2, 3, 4), correction=0, keepdim=True),
    )
    normed = ((groups - mean) / (deviation + normal.eps).sqrt()).flatten(1, 2)
    normed = normed * normal.weight[:, None, None] + normal.bias[:, None, None]
    patches = torch.nn.functional.unfold(normed * normed.sigmoid(), 3, padding=1)  # (1, 288, 64)
    expected = last.weight.double().flatten(1) @ patches[0] + last.bias.double()[:, None]
    torch.testing.assert_close(found.flatten(), expected.flatten().float(), atol=1e-5, rtol=1e-5)
