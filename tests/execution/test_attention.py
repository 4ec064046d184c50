"""The networks' attention against diffusers' own layer: the same bits, the same courtesies."""

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor

from ldznet.backbone import record
from ldznet.execution.attention import DirectAttention, install_direct_attention


def build(context_width):
    """A stock layer with random weights, and its double as the networks have it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stock = Attention(32, cross_attention_dim=context_width, heads=4, dim_head=8)
    direct = Attention(32, cross_attention_dim=context_width, heads=4, dim_head=8)
    direct.load_state_dict(stock.state_dict())
    install_direct_attention(direct)
    assert type(direct) is DirectAttention
    return stock.eval(), direct.eval()


CELLS = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(1))
TEXT = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("text", [None, TEXT])
@torch.no_grad()
def test_it_gives_the_stock_layers_bits(text):
    stock, direct = build(None if text is None else 24)
    assert torch.equal(direct(CELLS, encoder_hidden_states=text), stock(CELLS, text))


@torch.no_grad()
def test_masks_and_other_processors_are_honoured():
    stock, direct = build(24)
    mask = torch.zeros(2, 1, 5).masked_fill(torch.arange(5) > 2, -10_000.0)
    masked = direct(CELLS, TEXT, mask)
    assert torch.equal(masked, stock(CELLS, TEXT, mask))
    assert not torch.equal(masked, direct(CELLS, TEXT))

    class Nothing(AttnProcessor):
        def __call__(self, attention, hidden_states, *args, **options):
            return torch.zeros_like(hidden_states)

    direct.set_processor(Nothing())
    assert not direct(CELLS, TEXT).any()


def test_gradients_are_the_stock_layers():
    gradients = []
    for layer in build(24):
        layer(CELLS, TEXT).square().sum().backward()
        gradients.append([parameter.grad for parameter in layer.parameters()])
    for stock, direct in zip(*gradients, strict=True):
        torch.testing.assert_close(direct, stock)


def test_every_network_has_it_everywhere_and_can_still_be_watched(segmenter, picture):
    for name in ("rgbnet", "znet", "ldznet"):
        network = segmenter.networks[name]
        layers = [module for module in network.unet.modules() if isinstance(module, Attention)]
        assert len(layers) >= 32
        assert {type(layer) for layer in layers} == {DirectAttention}
        with record(network.unet, attention=[6], kinds=["cross"]) as recording:
            segmenter(picture, ["red ball"], name)
        assert recording.attention[0, 6, "cross"].sum(-1).allclose(torch.tensor(1.0))
