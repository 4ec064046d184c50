"""The panel of one point: where its cell looks, in the diffusion model and in LD-ZNet."""

import numpy as np

from ldznet.figures.inspection import point_high
from ldznet.inspection import PointMap
from ldznet.ui.markup import message, term
from ldznet.ui.tabs.attention.stage import block_name, figure, heat, heat_bar, picture_style, stage


def draw_point(
    image: np.ndarray, point: tuple[int, int], attention: PointMap, fusion: PointMap | str
) -> str:
    """The picture and both maps, the point marked in each; any of them can be clicked.

    A sentence in place of the fusion stands where its map would.
    """
    picture = figure(
        "<strong>The point</strong>",
        _target(image, point, attention.map.shape, ""),
        f'<p class="scale">x {point[0]}, y {point[1]}</p>',
    )
    attended = figure(
        f"<strong>Self-attention</strong> {_where(attention)}",
        _target(image, point, attention.map.shape, _map(attention), attention.cell),
        heat_bar(point_high(attention.map), "share of the cell's attention"),
        "self",
    )
    read = (
        figure("<strong>LD-ZNet reads</strong>", "", message(fusion))
        if isinstance(fusion, str)
        else figure(
            f"<strong>LD-ZNet reads</strong> {_where(fusion)}",
            _target(image, point, fusion.map.shape, _map(fusion), fusion.cell),
            heat_bar(point_high(fusion.map), "share of the cell's attention") + _pooled(fusion),
            "fusion",
        )
    )
    return f'<div class="trio" style="{picture_style(image)}">{picture}{attended}{read}</div>'


def _target(
    image: np.ndarray,
    point: tuple[int, int],
    grid: tuple[int, ...],
    layers: str,
    cell: tuple[int, int] | None = None,
) -> str:
    """A stage to click; the arrow keys move the point by a cell of its grid."""
    height, width = image.shape[:2]
    left, top = (point[0] + 0.5) / width, (point[1] + 0.5) / height
    outline = ""
    if cell is not None:
        row, column = cell
        outline = (
            f'<i class="cell" style="left:{column / grid[1]:.3%};top:{row / grid[0]:.3%};'
            f'width:{1 / grid[1]:.3%};height:{1 / grid[0]:.3%}"></i>'
        )
    mark = f'<i class="mark" style="left:{left:.3%};top:{top:.3%}"></i>'
    attributes = (
        'data-point tabindex="0" role="button" aria-label="Choose a point: click, or use the '
        f'arrow keys" data-left="{left:.5f}" data-top="{top:.5f}" '
        f'data-columns="{grid[1]}" data-rows="{grid[0]}"'
    )
    return stage(layers + outline + mark, kind="grey" if layers else "", attributes=attributes)


def _map(found: PointMap) -> str:
    return heat(found.map, point_high(found.map), "cells")


def _where(found: PointMap) -> str:
    rows, columns = found.map.shape
    return f"<span>{block_name(found.block)}, {columns} × {rows} cells</span>"


def _pooled(found: PointMap) -> str:
    share = f"{found.pooled_share:.0%}".replace("%", " %")
    return (
        f'<p class="share"><span class="meter"><i style="width:{found.pooled_share:.1%}"></i>'
        f"</span><span>{share} to the {term('mean token')}, which stands for the whole picture"
        "</span></p>"
    )
