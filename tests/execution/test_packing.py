"""Packed weights against the stock layers: the same numbers, and the same manners as a module."""

import copy

import pytest
import torch
from torch import nn

from ldznet.execution.packing import PackedConvolution, PackedLinear, pack

LAYERS = {
    "convolution": (lambda: nn.Conv2d(64, 128, 3, padding=1), (2, 64, 7, 5), PackedConvolution),
    "strided": (lambda: nn.Conv2d(64, 128, 3, stride=2), (1, 64, 9, 9), PackedConvolution),
    "pointwise": (lambda: nn.Conv2d(256, 256, 1), (1, 256, 6, 6), PackedConvolution),
    "linear": (lambda: nn.Linear(256, 320), (2, 9, 256), PackedLinear),
    "without bias": (lambda: nn.Linear(256, 320, bias=False), (2, 9, 256), PackedLinear),
}


def build(name, dtype=torch.float32):
    """A stock layer with random weights, its packed double, and something to read."""
    make, shape, kind = LAYERS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stock = make().requires_grad_(False).to(dtype)
        states = torch.randn(shape).to(dtype)
    packed = copy.deepcopy(stock)
    pack(packed)
    assert type(packed) is kind
    return stock, packed, states


@pytest.mark.parametrize("name", LAYERS)
def test_the_numbers_are_the_stock_layers(name):
    stock, packed, states = build(name)
    for _ in range(2):  # the first call packs
        torch.testing.assert_close(packed(states), stock(states), rtol=1e-5, atol=1e-5)
    assert packed._parameters["weight"] is None  # the weight is there once
    other = torch.cat([states, -states])  # of another size than it was packed for
    torch.testing.assert_close(packed(other), stock(other), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["convolution", "linear"])
def test_low_precision_errs_no_more_than_the_stock_layer(name):
    stock, packed, states = build(name, torch.bfloat16)
    exact = copy.deepcopy(stock).double()(states.double())
    error, usual = ((layer(states) - exact).abs().max() for layer in (packed, stock))
    assert error <= 1.1 * usual


@pytest.mark.parametrize("name", LAYERS)
def test_a_copy_is_a_stock_layer_that_can_learn(name):
    stock, packed, states = build(name)
    packed(states)
    copied = copy.deepcopy(packed)
    assert type(copied) is type(stock)
    assert torch.equal(copied(states), stock(states))
    copied.requires_grad_(True)(states).sum().backward()
    assert copied.weight.grad.any()
    torch.testing.assert_close(packed(states), stock(states), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_weights_can_be_read_and_saved_bit_for_bit(name):
    stock, packed, states = build(name)
    packed(states)
    assert torch.equal(packed.weight, stock.weight)
    saved = packed.state_dict()
    assert saved.keys() == stock.state_dict().keys()
    assert all(torch.equal(saved[key], tensor) for key, tensor in stock.state_dict().items())


def test_a_moved_or_cast_layer_is_the_stock_layer_again():
    stock, packed, states = build("linear")
    packed(states)
    packed.double()
    assert type(packed) is nn.Linear
    assert torch.equal(packed.weight, stock.weight.double())
    assert not packed.weight.requires_grad
    torch.testing.assert_close(packed(states.double()), stock.double()(states.double()))


def test_gradients_reach_the_input():
    stock, packed, states = build("convolution")
    packed(states)
    gradients = []
    for layer in (stock, packed):
        given = states.clone().requires_grad_()
        layer(given).square().sum().backward()
        gradients.append(given.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-4)


def test_what_may_be_trained_or_is_small_stays():
    learning, small = nn.Linear(256, 320), nn.Linear(4, 4).requires_grad_(False)
    for layer in (learning, small):
        pack(layer)
        assert type(layer) is nn.Linear
