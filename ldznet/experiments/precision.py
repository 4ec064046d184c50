"""Whether a lower precision finds what float32 finds, on held-out scenes."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ldznet.data.shapes import STYLES, Shapes
from ldznet.experiments.agreement import Agreement, Tally
from ldznet.metrics import iou
from ldznet.pipeline import Segmenter
from ldznet.types import Sample, Segmentation

ALL = "all"


@dataclass(frozen=True)
class Comparison:
    """One network in a lower precision against itself in float32, over one style or all."""

    agreement: Agreement  # of the masks at 0.5 and of the probabilities
    least_iou: float  # of any phrase's two masks; two empty masks count as 1
    true_iou: float  # mean IoU of the lower precision's masks with the true ones, in [0, 1]
    true_iou_float32: float  # the same in float32


def compare_precisions(
    exact: Segmenter,
    low: Segmenter,
    *,
    count: int,
    follow: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, Comparison]]:
    """Network -> style or "all" -> how far `low` finds what `exact`, in float32, finds.

    Both are asked for one phrase in each of the first `count` test scenes of every style. `follow`
    wraps the scenes, to show how far it is.
    """
    totals: defaultdict[tuple[str, str], _Total] = defaultdict(_Total)
    samples = [(style, n) for style in STYLES for n in range(count)]
    scenes = {style: Shapes("test", style, count) for style in STYLES}
    for style, number in follow(samples):
        sample = scenes[style][number]
        wanted = exact.compare(sample.image, [sample.phrase])
        found = low.compare(sample.image, [sample.phrase])
        for name in wanted:
            for group in (style, ALL):
                totals[name, group].add(found[name], wanted[name], sample)
    return {
        name: {group: totals[name, group].result() for group in (*STYLES, ALL)}
        for name in dict.fromkeys(name for name, _ in totals)
    }


class _Total:
    """Collects sample by sample what a `Comparison` says."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.true: list[tuple[float, float]] = []  # low, float32

    def add(self, found: Segmentation, wanted: Segmentation, sample: Sample) -> None:
        self.tally.add(found, wanted)
        self.true.append(
            (iou(found.mask[0], sample.mask) or 0.0, iou(wanted.mask[0], sample.mask) or 0.0)
        )

    def result(self) -> Comparison:
        low, exact = np.mean(self.true, axis=0)
        overlaps = (1.0 if overlap is None else overlap for overlap in self.tally.overlaps)
        return Comparison(self.tally.result(), min(overlaps), float(low), float(exact))
