"""The study's curves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ldznet.experiments.report.tables import MAIN, TITLES
from ldznet.figures.charts import Curve, draw_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = ("photo", "unseen styles", "novel category", "redrawn")


def masks_chart(study: Mapping[str, Any]) -> "Figure":
    """mIoU over the number of scenes with masks, with the spread over seeds."""
    return _chart(study["parts"]["main"], "masks", "scenes with masks", logarithmic=True)


def timesteps_chart(study: Mapping[str, Any]) -> "Figure":
    """LD-ZNet's mIoU over the timestep at which it reads the diffusion model."""
    return _chart(study["parts"]["timesteps"], "timestep", "timestep", logarithmic=False)


def _chart(
    groups: list[Mapping[str, Any]], key: str, across: str, *, logarithmic: bool
) -> "Figure":
    panels: dict[str, dict[str, Curve]] = {}
    for heading in SHOWN:
        name, measure = MAIN[heading]
        if not all(name in told["scores"] for told in groups):
            continue
        panels[heading] = {}
        for network in dict.fromkeys(told["trial"]["network"] for told in groups):
            own = sorted(
                (told for told in groups if told["trial"]["network"] == network),
                key=lambda told: told["trial"][key],
            )
            scores = [told["scores"][name][measure] for told in own]
            panels[heading][network] = Curve(
                at=[told["trial"][key] for told in own],
                height=[100 * score["mean"] for score in scores],
                spread=[100 * (score["spread"] or 0) for score in scores],
            )
    return draw_curves(panels, TITLES, across=across, up="mIoU, per cent", logarithmic=logarithmic)
