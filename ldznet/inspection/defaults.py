"""Where to look unless told otherwise."""

# Until the pointing game has been played: the paper's timestep, the blocks of stride 2.
DEFAULT_TIMESTEP = 400
DEFAULT_BLOCKS: tuple[int, ...] = (3, 4, 11, 12, 13)
DEFAULT_POINT_BLOCK = 14  # of self-attention: the finest grid on the way up that follows things
DEFAULT_FUSION_BLOCK = 8  # of LD-ZNet's feature attention, 6 to 10
