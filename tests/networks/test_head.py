import pytest
import torch
from torch.nn import functional

from ldznet.networks.head import LINEAR_RANGE, MaskHead


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
