"""The pictures of the lesson that no other view has, as HTML."""

import numpy as np

from ldznet.blocks import BLOCKS, FUSION_BLOCKS
from ldznet.figures.inspection import highest
from ldznet.figures.palette import NETWORK_COLOURS, phrase_colours
from ldznet.figures.pictures import draw_heat, draw_signed, overlay_layer
from ldznet.inspection import PointMap
from ldznet.metrics import iou
from ldznet.ui.cards import OUTLINE, fit, png_uri
from ldznet.ui.markup import swatch, term
from ldznet.ui.tabs.attention.stage import figure, heat_bar, layer, signed_bar, stage

_LEVELS = ((1, 2, 14, 15, 16), (3, 4, 11, 12, 13), (5, 6, 8, 9, 10), (7,))  # of the U, by stride


def picture_panel() -> str:
    """The picture itself."""
    return figure("<strong>The picture</strong>", stage(label="the picture"))


def decoded_panel(title: str, decoded: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 made by the decoder."""
    return figure(f"<strong>{title}</strong>", stage(layer(decoded), title))


def channels_panel(title: str, channels: np.ndarray, extent: float) -> str:
    """Channels (n, h, w) of latents, coloured from -`extent` to `extent`; many stand two by two."""
    stages = "".join(
        stage(layer(draw_signed(channel, extent), "cells"), f"{title}, channel {place}")
        for place, channel in enumerate(channels, start=1)
    )
    inner = f'<div class="four">{stages}</div>' if len(channels) > 1 else stages
    return figure(f"<strong>{title}</strong>", inner, signed_bar(extent, "value of a cell"))


def u_panel(colours: dict[int, np.ndarray], chosen: int) -> str:
    """A button per block: down at the left, up at the right, a row per level of the U."""
    levels = []
    for numbers in _LEVELS:
        blocks = "".join(_draw_block(number, colours[number], chosen) for number in numbers)
        levels.append(f'<div class="level stride-{BLOCKS[numbers[0]].stride}">{blocks}</div>')
    title = "<strong>The U-Net</strong> click one of its blocks"
    return figure(title, f'<div class="u">{"".join(levels)}</div>')


def block_panel(number: int, colours: np.ndarray) -> str:
    """One block's features as colours (h, w, 3) in [0, 1], large."""
    rows, columns = colours.shape[:2]
    inner = stage(layer(_pixels(colours), "cells"), f"features of block {number}")
    return figure(f"<strong>Block {number}</strong> {columns} × {rows} cells", inner)


def cells_panel(fusion: PointMap) -> str:
    """The picture under a button per cell of the fusion's grid."""
    rows, columns = fusion.map.shape
    buttons = "".join(
        f'<button type="button" data-pick="{row},{column}" '
        f'aria-pressed="{str((row, column) == fusion.cell).lower()}" '
        f'aria-label="Row {row + 1}, column {column + 1}"></button>'
        for row in range(rows)
        for column in range(columns)
    )
    grid = f'<div class="targets" style="--rows:{rows};--columns:{columns}">{buttons}</div>'
    return figure("<strong>The cell to decide</strong> click another", stage(grid))


def fusion_panel(fusion: PointMap) -> str:
    """How much of its attention the cell with the rim gives to each cell."""
    rows, columns = fusion.map.shape
    row, column = fusion.cell
    rim = (
        f'<i class="cell" style="left:{column / columns:.3%};top:{row / rows:.3%};'
        f'width:{1 / columns:.3%};height:{1 / rows:.3%}"></i>'
    )
    high = highest(fusion.map)
    shares = layer(draw_heat(fusion.map, high), "cells share")
    return figure(
        f"<strong>What LD-ZNet reads for it</strong> block {fusion.block}",
        stage(shares + rim, "attention to the features", "grey"),
        heat_bar(high, "share of the attention"),
    )


def mask_panel(name: str, title: str, mask: np.ndarray, truth: np.ndarray | None) -> str:
    """A network's mask (H, W) bool over the picture, and how much of the true one it meets."""
    overlap = None if truth is None else iou(mask, truth)
    said = "" if overlap is None else f"{term('IoU')} {overlap:.2f}"
    head = f"{swatch(NETWORK_COLOURS[name])}<strong>{title}</strong> {said}"
    return figure(head, stage(_overlay(mask), f"the mask of {title}"))


def truth_panel(truth: np.ndarray | None) -> str:
    """The true mask, where it is known."""
    inner = '<p class="veil">Not known.</p>' if truth is None else _overlay(truth)
    return figure("<strong>The truth</strong>", stage(inner, "the true mask"))


def _draw_block(number: int, colours: np.ndarray, chosen: int) -> str:
    read = "read" if number in FUSION_BLOCKS else ""
    return (
        f'<button type="button" class="{read}" data-pick="{number}" '
        f'aria-pressed="{str(number == chosen).lower()}" aria-label="Block {number}">'
        f'<img src="{png_uri(_pixels(colours))}" alt=""><span>{number}</span></button>'
    )


def _overlay(mask: np.ndarray) -> str:
    masks, scale = fit(mask[None])
    return layer(overlay_layer(masks, phrase_colours(1), scale=scale, outline=OUTLINE))


def _pixels(colours: np.ndarray) -> np.ndarray:
    return np.round(colours * 255).astype(np.uint8)
