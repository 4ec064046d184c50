"""How frozen models run: the same numbers as the libraries' own layers, in less time and memory.

What each trick buys stands in docs/execution.md.
"""

from torch import nn

from ldznet.execution.attention import install_direct_attention
from ldznet.execution.packing import pack
from ldznet.execution.residual import install_direct_residuals

__all__ = ["prepare"]


def prepare(model: nn.Module) -> None:
    """Speed up a frozen model in place, on the device and in the precision that it has now.

    Weights, their names and the model's interface stay. Doing it again changes nothing.
    """
    install_direct_attention(model)
    install_direct_residuals(model)
    pack(model)
