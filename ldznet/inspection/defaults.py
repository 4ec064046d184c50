"""Where to look unless told otherwise: where pocket's attention points best.

The pointing game's choice, in assets/benchmarks/pointing.json; a test holds the two together.
"""

DEFAULT_TIMESTEP = 300
DEFAULT_BLOCKS: tuple[int, ...] = (15,)
# A point's: the finest grid on the way up that follows things, and of LD-ZNet's 6 to 10 one that
# tells cells apart. Chosen by eye.
DEFAULT_POINT_BLOCK = 14
DEFAULT_FUSION_BLOCK = 8
