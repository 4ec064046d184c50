"""Where to look unless told otherwise."""

# Until the pointing game has been played: the paper's timestep, the blocks of stride 2.
DEFAULT_TIMESTEP = 400
DEFAULT_BLOCKS: tuple[int, ...] = (3, 4, 11, 12, 13)
