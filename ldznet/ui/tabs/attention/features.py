"""The panel of features as colours: over timesteps at one block, over blocks at one timestep."""

from collections.abc import Sequence

import numpy as np

from ldznet.inspection import FeatureStrip
from ldznet.ui.markup import term
from ldznet.ui.tabs.attention.stage import block_name, downloads, layer, picture_style, stage


def draw_features(
    image: np.ndarray,
    over_timesteps: FeatureStrip,
    over_blocks: FeatureStrip,
    block: int,
    timestep: int,
) -> str:
    """Both strips; a click on a frame chooses its timestep or block."""
    return f"""<div class="features" style="{picture_style(image)}">
  {
        _strip(
            "timesteps",
            over_timesteps,
            over_timesteps.timesteps,
            timestep,
            f"Over timesteps <span>{block_name(block)}</span>",
            "From little noise to nearly nothing else: see when things and their edges dissolve.",
        )
    }
  {
        _strip(
            "blocks",
            over_blocks,
            over_blocks.blocks,
            block,
            f"Over the blocks <span>{term('timestep')} {timestep}</span>",
            "Down to the coarsest grid in the middle, and up again: block 7 sees the least detail.",
        )
    }
</div>"""


def _strip(
    name: str, strip: FeatureStrip, values: Sequence[int], chosen: int, title: str, said: str
) -> str:
    frames = "".join(
        _frame(name, value, colours, value == chosen)
        for value, colours in zip(values, strip.colours, strict=True)
    )
    told = " + ".join(f"{share:.0%}".replace("%", " %") for share in strip.explained)
    return (
        f'<section><h4>{title}</h4><div class="frames {name}">{frames}</div>'
        f'<p class="hint">{said} Red, green and blue hold {told} of all variation.</p>'
        f"{downloads(name)}</section>"
    )


def _frame(strip: str, value: int, colours: np.ndarray, pressed: bool) -> str:
    rows, columns = colours.shape[:2]
    pixels = np.round(colours * 255).astype(np.uint8)
    return (
        f'<button type="button" data-pick="{strip}:{value}" aria-pressed="{str(pressed).lower()}">'
        f"{stage(layer(pixels, 'cells'))}<strong>{value}</strong>"
        f"<span>{columns} × {rows}</span></button>"
    )
