"""Where to look unless told otherwise: where pocket's attention points best.

The pointing game's choice, in assets/benchmarks/pointing.json; a test holds the two together.
"""

DEFAULT_TIMESTEP = 300
DEFAULT_BLOCKS: tuple[int, ...] = (15,)
