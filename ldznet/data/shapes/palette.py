"""The nine colours of the drawn world and what each part of an object is painted with."""

import numpy as np

BODY, LIGHT, DARK, WOOD, LEAF, GLASS, CREAM, INK = range(1, 9)  # labels; 0 is empty

PAINTS: dict[str, tuple[int, int, int]] = {
    "red": (212, 30, 38),
    "orange": (248, 128, 14),
    "yellow": (250, 214, 32),
    "green": (38, 152, 58),
    "blue": (36, 74, 214),
    "purple": (128, 44, 176),
    "pink": (252, 128, 186),
    "cyan": (34, 206, 214),
    "white": (228, 231, 236),
}

COLOURS = tuple(PAINTS)

# Parts that keep their own colour whatever the object's colour is.
_FIXED = {
    WOOD: (124, 80, 46),
    LEAF: (70, 138, 58),
    GLASS: (196, 226, 240),
    CREAM: (248, 240, 218),
    INK: (44, 44, 52),
}


def paint_table(colour: str) -> np.ndarray:
    """(9, 4) uint8 RGBA per label for an object of this colour; label 0 is all zero."""
    body = np.array(PAINTS[colour], np.float32)
    table = np.zeros((9, 4), np.uint8)
    table[BODY, :3] = body
    table[LIGHT, :3] = body + (0.9 if colour == "white" else 0.36) * (255 - body)
    table[DARK, :3] = body * 0.68
    for label, rgb in _FIXED.items():
        table[label, :3] = rgb
    table[1:, 3] = 255
    return table
