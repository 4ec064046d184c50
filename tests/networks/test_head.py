"""The mask head against interpolation, and the layers that keep their precision against theirs."""

import pytest
import torch
from torch.nn import functional

from ldznet.networks import load_network
from ldznet.networks.head import LINEAR_RANGE, MaskHead

KEPT = (
    "head.",
    "unet.conv_norm_out.",
    "unet.conv_out.",
)  # in float32, whatever the network is cast to


@pytest.mark.parametrize(("factor", "activations"), [(2, 2), (4, 4), (8, 6)])
def test_starts_as_nearest_neighbour_enlargement(factor, activations):
    values = torch.linspace(-1, 3, 15).reshape(1, 1, 3, 5)
    expected = LINEAR_RANGE + values
    for _ in range(activations):
        expected = functional.silu(expected)
    expected = functional.interpolate(expected - LINEAR_RANGE, scale_factor=factor, mode="nearest")
    logits = MaskHead(factor)(LINEAR_RANGE + values)
    torch.testing.assert_close(logits, expected)
    assert 0.95 < (logits.max() - logits.min()) / 4 < 1.3  # the activations bend it only a little


def test_gradient_survives_the_chain():
    grid = torch.full((1, 1, 4, 4), LINEAR_RANGE, requires_grad=True)
    MaskHead(8)(grid).mean().backward()
    assert grid.grad.sum() == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("factor", [-8, 0, 1, 3, 6, 12])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match=f"power of two above 1; got {factor}"):
        MaskHead(factor)


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
