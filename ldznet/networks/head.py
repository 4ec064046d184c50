"""The mask head: from one value per latent cell to one logit per pixel."""

import math

from torch import Tensor, nn

# How far the head's activations start above zero, where SiLU is nearly the identity. See `MaskHead`.
LINEAR_RANGE = 4.0


class MaskHead(nn.Sequential):
    """Maps (B, 1, h, w) to logits (B, 1, h * factor, w * factor); one channel wide throughout.

    A 3x3 convolution, then for every doubling: SiLU, 2x2 transposed convolution of stride 2, SiLU,
    3x3 convolution; no activation at the end. Numbered like the official `final`, whose weights fit.

    With PyTorch's usual random weights a chain this narrow lets almost no gradient through (each
    SiLU halves what is near zero, each convolution shrinks it further, and no second channel helps).
    So it starts as a plain nearest-neighbour enlargement: convolutions pass their centre on, and the
    activations arrive `LINEAR_RANGE` above zero, where SiLU changes little; the last bias takes them
    back down. Use `start_in_linear_range` on the convolution before it.
    """

    def __init__(self, factor: int) -> None:
        if factor < 2 or factor & (factor - 1):
            raise ValueError(f"The head's factor must be a power of two above 1; got {factor}.")
        layers: list[nn.Module] = [_centre_convolution()]
        for _ in range(int(math.log2(factor))):
            enlarge = nn.ConvTranspose2d(1, 1, 2, stride=2)
            nn.init.ones_(enlarge.weight)
            nn.init.zeros_(enlarge.bias)
            layers += [nn.SiLU(), enlarge, nn.SiLU(), _centre_convolution()]
        super().__init__(*layers)
        nn.init.constant_(self[-1].bias, -LINEAR_RANGE)

    def forward(self, grid: Tensor) -> Tensor:
        """Logits (B, 1, h * factor, w * factor) of a (B, 1, h, w) grid."""
        return super().forward(grid)


def start_in_linear_range(convolution: nn.Conv2d) -> None:
    """Set the bias of the convolution before the head so that SiLU starts out nearly linear."""
    nn.init.constant_(convolution.bias, LINEAR_RANGE)


def _centre_convolution() -> nn.Conv2d:
    convolution = nn.Conv2d(1, 1, 3, padding=1)
    nn.init.dirac_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    return convolution
