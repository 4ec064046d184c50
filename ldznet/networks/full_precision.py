"""Layers that stay in float32 when the model around them is cast to a lower precision."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

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
