"""The official networks' tensors, as for the networks' own tests."""

from tests.networks.conftest import official

__all__ = ["official"]
