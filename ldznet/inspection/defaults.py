"""Where to look unless told otherwise: where pocket's attention points best.

The pointing game's choice, in assets/benchmarks/pointing.json; a test holds the two together.
"""

from ldznet.blocks import BLOCKS

DEFAULT_TIMESTEP = 50
DEFAULT_BLOCKS: tuple[int, ...] = tuple(BLOCKS)
# A point's: where self-attention completes things best for the attention baseline, and of LD-ZNet's
# 6 to 10 one that tells cells apart, chosen by eye.
DEFAULT_POINT_BLOCK = 13
DEFAULT_FUSION_BLOCK = 8
