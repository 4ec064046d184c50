"""The mask head, from one value per latent cell to one logit per pixel, and its full precision."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

# How far above zero the head's activations start: SiLU is nearly the identity there.
LINEAR_RANGE = 4.0
LOWER = (torch.bfloat16, torch.float16)


class FullPrecision(nn.Module):
    """A module, beside its own class, whose weights and input are float32 at least.

    A mask is decided where a logit crosses zero, so the few layers that make the logits tell more
    of it than all before them: their weights rounded to bfloat16 cost eight times the error of the
    whole U-Net in it, and they take next to no time.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        """What `to` and its like do to every tensor; a cast to less than float32 stops there."""

        def keep(tensor: Tensor) -> Tensor:
            done = fn(tensor)
            return tensor.to(done.device, torch.float32) if done.dtype in LOWER else done

        return super()._apply(keep, recurse)

    def forward(self, states: Tensor) -> Tensor:
        """The module's own output, of its weights' precision."""
        return super().forward(states.to(next(self.parameters()).dtype))


class FullPrecisionConv2d(FullPrecision, nn.Conv2d):
    """A convolution in float32."""


class FullPrecisionGroupNorm(FullPrecision, nn.GroupNorm):
    """A group normalisation in float32."""


def keep_full_precision(normalisation: nn.GroupNorm, convolution: nn.Conv2d) -> None:
    """Turn these layers into ones that stay in float32; their names and weights stay."""
    normalisation.__class__ = FullPrecisionGroupNorm
    convolution.__class__ = FullPrecisionConv2d


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
