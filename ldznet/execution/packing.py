"""Frozen weights laid out once, the way the processor's kernels read them.

oneDNN reads weights in blocks of its own. PyTorch's layers keep them in rows and have them laid out
anew on every call. Where a layer meets few cells, as in the middle of a U-Net, that takes longer
than the products: packed, such a convolution takes a fifth to a half of the time.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

# Of a smaller weight, laying out costs less than finding the packed kernel.
SMALLEST = 2**16

_kernels = torch.ops.mkldnn


class _Packed(nn.Module):
    """A layer that exchanges its frozen weight for a packed one when it first runs.

    The first call knows the sizes that the layout is chosen for; others run with it, too. As often
    as rows are asked for (`weight`, `state_dict`) they are laid out back, bit for bit. A layer that
    is moved or cast becomes the stock layer again.
    """

    stock: type[nn.Module]
    packed: Tensor | None

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if name == "weight" and value is None:
            assert self.packed is not None
            return self.packed.to_dense()
        return value

    def _pack(self, states: Tensor) -> Tensor:
        packed = self.packed
        if packed is None:  # two threads may both come here; they pack the same
            packed = self._lay_out(self.weight, states)
            self.packed = packed
            self._parameters["weight"] = None
        return packed

    def _lay_out(self, weight: Tensor, states: Tensor) -> Tensor:
        raise NotImplementedError

    def _fits(self, states: Tensor) -> bool:
        """Whether the packed kernel may run, which has no gradient."""
        weight = self._parameters["weight"]
        learning = states.requires_grad or (weight is not None and weight.requires_grad)
        return not (learning and torch.is_grad_enabled())

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        """A stock layer of the same weights: what is packed has no storage to copy."""
        kept = {name: value for name, value in self.__dict__.items() if name != "packed"}
        weight = nn.Parameter(self.weight, requires_grad=False)
        kept["_parameters"] = {**self._parameters, "weight": weight}
        copied = self.stock.__new__(self.stock)
        copied.__dict__ = deepcopy(kept, memo)
        return copied

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.weight

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        weight = self.weight
        self.__class__ = self.stock  # type: ignore[assignment]
        del self.packed
        self._parameters["weight"] = nn.Parameter(weight, requires_grad=False)
        return self._apply(fn, recurse)


class PackedConvolution(_Packed, nn.Conv2d):
    """A `Conv2d` with a packed weight; its output lies in memory channels last."""

    stock = nn.Conv2d

    def forward(self, states: Tensor) -> Tensor:
        """(B, out, h, w) of (B, in, h, w), as `Conv2d`."""
        if not self._fits(states):
            return super().forward(states)
        weight = self._pack(states)
        place = self.padding, self.stride, self.dilation, self.groups
        return _kernels._convolution_pointwise(states, weight, self.bias, *place, "none", [], "")

    def _lay_out(self, weight: Tensor, states: Tensor) -> Tensor:
        place = self.padding, self.stride, self.dilation, self.groups
        return _kernels._reorder_convolution_weight(weight.data, *place, list(states.shape))


class PackedLinear(_Packed, nn.Linear):
    """A `Linear` with a packed weight."""

    stock = nn.Linear

    def forward(self, states: Tensor) -> Tensor:
        """(..., out) of (..., in), as `Linear`."""
        if not self._fits(states):
            return super().forward(states)
        weight = self._pack(states)
        return _kernels._linear_pointwise(states, weight, self.bias, "none", [], "")

    def _lay_out(self, weight: Tensor, states: Tensor) -> Tensor:
        return _kernels._reorder_linear_weight(weight.data, states.numel() // self.in_features)


PACKED: dict[type[nn.Module], type[_Packed]] = {
    packed.stock: packed for packed in (PackedConvolution, PackedLinear)
}
PRECISIONS = (torch.float32, torch.bfloat16)


def pack(model: nn.Module) -> None:
    """Let every large layer of a frozen model on a CPU pack its weight when it first runs."""
    for layer in model.modules():
        if type(layer) in PACKED and _can_be_packed(layer):
            layer.packed = None  # type: ignore[assignment]
            layer.__class__ = PACKED[type(layer)]


def _can_be_packed(layer: nn.Module) -> bool:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return (
        torch.backends.mkldnn.is_available()
        and weight.device.type == "cpu"
        and weight.dtype in PRECISIONS
        and not weight.requires_grad
        and weight.numel() >= SMALLEST
        and getattr(layer, "padding_mode", "zeros") == "zeros"
        and not isinstance(getattr(layer, "padding", 0), str)
    )
