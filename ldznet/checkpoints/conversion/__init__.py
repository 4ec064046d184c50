"""From an official checkpoint, once, to the folders that the rest of the package loads."""

from ldznet.checkpoints.conversion.convert import Conversion, convert

__all__ = ["Conversion", "convert"]
