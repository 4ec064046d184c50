"""Lines with error bars, one panel beside the other: how scores change with one number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldznet.figures.palette import network_colours
from ldznet.figures.sheet import DOTS, fonts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT = "#334155", "#E2E8F0"


@dataclass(frozen=True)
class Curve:
    """One line: where, how high, and how far up and down the bars reach (0 for none)."""

    at: Sequence[float]
    height: Sequence[float]
    spread: Sequence[float]


def draw_curves(
    panels: Mapping[str, Mapping[str, Curve]],
    titles: Mapping[str, str],
    *,
    across: str,
    up: str,
    logarithmic: bool,
) -> "Figure":
    """A panel for each title, in it a curve for each network's name; `titles` name the networks.

    All panels share the scale of heights.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.family": fonts(), "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(3.2 * len(panels), 3.1), dpi=DOTS, layout="constrained")
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (title, curves) in zip(axes, panels.items(), strict=True):
            for name, curve in curves.items():
                axis.errorbar(
                    curve.at,
                    curve.height,
                    yerr=curve.spread if any(curve.spread) else None,
                    label=titles[name],
                    color=network_colours()[name],
                    marker="o",
                    markersize=4,
                    linewidth=1.6,
                    capsize=3,
                )
            if logarithmic:
                axis.set_xscale("log")
            ticks = sorted({each for curve in curves.values() for each in curve.at})
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
            axis.minorticks_off()
            axis.set_title(title, fontsize=10, color=INK)
            axis.set_xlabel(across, fontsize=9)
            axis.tick_params(labelsize=8, colors=INK, length=0)
            axis.grid(color=FAINT, linewidth=0.8)
            axis.set_axisbelow(True)
            for side in axis.spines.values():
                side.set_visible(False)
        axes[0].set_ylabel(up, fontsize=9)
        axes[0].legend(fontsize=8, frameon=False)
    return figure
