"""The mask head: from one value per latent cell to one logit per pixel."""

import math

from torch import Tensor, nn

from ldznet.networks.full_precision import FullPrecision

# How far above zero the head's activations start: SiLU is nearly the identity there.
LINEAR_RANGE = 4.0


class MaskHead(FullPrecision, nn.Sequential):
    """Maps (B, 1, h, w) to logits (B, 1, h * factor, w * factor); one channel wide throughout.

    A 3x3 convolution, then for every doubling: SiLU, 2x2 transposed convolution of stride 2, SiLU,
    3x3 convolution; no activation at the end. Numbered like the official `final`. It stays in
    float32 whatever the network is cast to.

    With PyTorch's usual random weights a chain this narrow passes almost no gradient: each SiLU
    halves what is near zero, each convolution shrinks it further. So it starts as a plain
    nearest-neighbour enlargement: convolutions pass their centre on, and activations arrive
    `LINEAR_RANGE` above zero (see `start_in_linear_range`), which the last bias takes off again.
    """

    def __init__(self, factor: int) -> None:
        if factor < 2 or factor & (factor - 1):
            raise ValueError(f"The head's factor must be a power of two above 1; got {factor}.")
        layers: list[nn.Module] = [_centre_convolution(bias=0.0)]
        doublings = int(math.log2(factor))
        for doubling in range(doublings):
            enlarge = nn.ConvTranspose2d(1, 1, 2, stride=2)
            nn.init.ones_(enlarge.weight)
            _set_bias(enlarge, 0.0)
            last = doubling == doublings - 1
            layers += [nn.SiLU(), enlarge, nn.SiLU()]
            layers += [_centre_convolution(bias=-LINEAR_RANGE if last else 0.0)]
        super().__init__(*layers)

    def forward(self, grid: Tensor) -> Tensor:
        """Logits (B, 1, h * factor, w * factor) of a (B, 1, h, w) grid."""
        return super().forward(grid)


def start_in_linear_range(convolution: nn.Conv2d) -> None:
    """Set the bias of the convolution before the head so that SiLU starts out nearly linear."""
    _set_bias(convolution, LINEAR_RANGE)


def _centre_convolution(bias: float) -> nn.Conv2d:
    convolution = nn.Conv2d(1, 1, 3, padding=1)
    nn.init.dirac_(convolution.weight)
    _set_bias(convolution, bias)
    return convolution


def _set_bias(convolution: nn.Conv2d | nn.ConvTranspose2d, value: float) -> None:
    assert convolution.bias is not None
    nn.init.constant_(convolution.bias, value)
