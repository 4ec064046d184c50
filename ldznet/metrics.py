"""Segmentation metrics in two conventions, streamed: memory does not grow with the phrases.

`IntervalMetrics` is the paper's convention: the `FixedIntervalMetrics` class named in the official
test configurations (CLIPSeg, github.com/timojl/clipseg). `PhraseCutMetrics` is that of the
PhraseCut evaluator (github.com/ChenyunWu/PhraseCutDataset). Both give the originals' numbers.
"""

from collections.abc import Hashable
from typing import Self

import numpy as np
import torch
from torch.nn import functional as F

from ldznet.types import Scores

# A pixel counts as found when its score is above the threshold, compared in float32.
THRESHOLDS = np.linspace(0, 1, 51)[1:-1]  # (49,) 0.02, 0.04, ..., 0.98
PRECISION_LEVELS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)  # the x of Pr@x


class IntervalMetrics:
    """mIoU, IoU_FG, their binary cousin and AP over 49 thresholds, as the paper reports them.

    Every ratio of counts has 1 added to its denominator. There is no special case for an empty
    truth: its IoU is 0 whatever is predicted.
    """

    def __init__(self) -> None:
        self.count = 0  # phrases
        self._totals = np.zeros((4, len(THRESHOLDS)), np.int64)  # tp, fp, fn, tn
        # A phrase without a group is a class of its own: only the sum of their ratios is kept.
        self._ratios = np.zeros(len(THRESHOLDS))
        self._singles = 0
        self._groups: dict[Hashable, np.ndarray] = {}  # group -> (4, 49) counts

    def update(
        self, probability: np.ndarray, mask: np.ndarray, group: Hashable | None = None
    ) -> None:
        """Count one phrase: `probability` (H, W) in [0, 1] against `mask` (H, W) bool.

        `group` is the class for mIoU; without one the phrase is its own class, as for PhraseCut.
        Raises ValueError when the two do not fit each other.
        """
        counts = _count(*_check(probability, mask))  # (4, 49)
        self.count += 1
        self._totals += counts
        if group is None:
            self._ratios += _iou(counts)
            self._singles += 1
        else:
            self._groups[group] = self._groups.get(group, 0) + counts

    def merge(self, other: "IntervalMetrics") -> Self:
        """This accumulator after counting everything `other` counted."""
        self.count += other.count
        self._totals += other._totals
        self._ratios += other._ratios
        self._singles += other._singles
        for group, counts in other._groups.items():
            self._groups[group] = self._groups.get(group, 0) + counts
        return self

    @property
    def counts(self) -> dict[str, np.ndarray]:
        """Pixels summed over all phrases, (49,) int64 each: tp, fp, fn, tn."""
        return dict(zip(("tp", "fp", "fn", "tn"), self._totals.copy(), strict=True))

    def mean_iou(self) -> np.ndarray:
        """mIoU, (49,): the IoU within each class (by default each phrase), then their mean."""
        _check_counted(self.count)
        grouped = [_iou(counts) for counts in self._groups.values()]
        return (self._ratios + np.sum(grouped, axis=0)) / (self._singles + len(grouped))

    def foreground_iou(self) -> np.ndarray:
        """IoU_FG, (49,): the IoU of the pixels summed over all phrases."""
        _check_counted(self.count)
        return _iou(self._totals)

    def binary_iou(self) -> np.ndarray:
        """(49,): the mean of the IoU of the foreground and the IoU of the background."""
        _, fp, fn, tn = self._totals
        return (self.foreground_iou() + tn / (1 + tn + fn + fp)) / 2

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct points (precision, recall) by ascending recall, at most 49.

        Thresholds above which nothing is predicted have no point. Raises ValueError if none has.
        """
        _check_counted(self.count)
        tp, fp, fn, _ = self._totals
        predicted = tp + fp > 0
        if not predicted.any():
            raise ValueError(
                "Average precision is undefined: no pixel is above any threshold in any phrase."
            )
        precision = (tp / (1 + tp + fp))[predicted].tolist()
        recall = (tp / (1 + tp + fn))[predicted].tolist()
        # The order of a set decides between points of equal recall, as in the original.
        points = sorted(set(zip(recall, precision, strict=True)), key=lambda point: point[0])
        recall, precision = zip(*points, strict=True)
        return np.array(precision), np.array(recall)

    def average_precision(self) -> float:
        """AP in [0, 1]: the area under the precision-recall curve by Simpson's rule.

        The curve spans only the recalls reached, so one single point has no area: a perfect map of
        zeros and ones scores 0. Raises ValueError where nothing is predicted at any threshold.
        """
        precision, recall = self.precision_recall()
        return _simpson(precision, recall)

    def scores(self, threshold: float = 0.5) -> Scores:
        """The paper's three numbers, the IoUs at `threshold` (a multiple of 0.02 inside (0, 1)).

        An undefined AP (nothing predicted anywhere) is reported as 0: nothing was found.
        """
        index = threshold_index(threshold)
        mean_iou, foreground_iou = self.mean_iou()[index], self.foreground_iou()[index]
        tp, fp, _, _ = self._totals
        return Scores(
            mean_iou=float(mean_iou),
            foreground_iou=float(foreground_iou),
            average_precision=self.average_precision() if (tp + fp).any() else 0.0,
            count=self.count,
        )


class PhraseCutMetrics:
    """Mean IoU, cumulative IoU and Pr@x of masks at one threshold, as PhraseCut reports them.

    The IoU of a phrase is 0 whenever truth and prediction share no pixel, an empty truth with an
    empty prediction included; nothing is added to any denominator.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold
        self.count = 0  # phrases
        self.intersection = 0  # pixels, over all phrases
        self.union = 0
        self._iou_sum = 0.0
        self._above = dict.fromkeys(PRECISION_LEVELS, 0)

    def update(self, probability: np.ndarray, mask: np.ndarray) -> tuple[float, int, int]:
        """Count one phrase, both (H, W); gives its (IoU, intersection, union), the last in pixels.

        Raises ValueError when `probability` in [0, 1] and `mask` bool do not fit each other.
        """
        probability, mask = _check(probability, mask)
        above = probability > np.float32(self.threshold)
        intersection, union = int((above & mask).sum()), int((above | mask).sum())
        iou = intersection / union if intersection else 0.0
        self.count += 1
        self.intersection += intersection
        self.union += union
        self._iou_sum += iou
        for level in PRECISION_LEVELS:
            self._above[level] += iou > level
        return iou, intersection, union

    def mean_iou(self) -> float:
        """The mean over phrases, in [0, 1]."""
        _check_counted(self.count)
        return self._iou_sum / self.count

    def cumulative_iou(self) -> float:
        """All shared pixels over all pixels in either, in [0, 1]; 0 where every mask is empty."""
        _check_counted(self.count)
        return self.intersection / self.union if self.union else 0.0

    def precision(self) -> dict[float, float]:
        """Pr@x: the share of phrases whose IoU is above x, for every x of `PRECISION_LEVELS`."""
        _check_counted(self.count)
        return {level: above / self.count for level, above in self._above.items()}


def iou(one: np.ndarray, other: np.ndarray) -> float | None:
    """Intersection over union of two bool arrays of a shape; None if both are empty."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else None


def threshold_index(threshold: float) -> int:
    """Where `threshold` stands in `THRESHOLDS`; raises ValueError if it is none of them."""
    index = int(np.abs(THRESHOLDS - threshold).argmin())
    if not np.isclose(THRESHOLDS[index], threshold, rtol=0, atol=1e-9):
        raise ValueError(
            f"Scores exist at the thresholds 0.02, 0.04, ..., 0.98; {threshold} is none of them."
        )
    return index


def resize_probability(probability: np.ndarray, height: int, width: int) -> np.ndarray:
    """`probability` (h, w) at (height, width), as the official PhraseCut scoring resizes it.

    Bilinear with the corners aligned, in float32.
    """
    grid = torch.from_numpy(np.ascontiguousarray(probability, np.float32))[None, None]
    size = (height, width)
    return F.interpolate(grid, size, mode="bilinear", align_corners=True)[0, 0].numpy()


def _check_counted(count: int) -> None:
    if not count:
        raise ValueError("There is no score yet: count at least one phrase first.")


def _check(probability: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(
            f"A mask is (H, W) bool; got shape {mask.shape} and {mask.dtype}: compare it first."
        )
    if probability.shape != mask.shape:
        raise ValueError(
            f"The prediction is {probability.shape} and its mask {mask.shape}: resize the "
            "prediction to the mask first."
        )
    probability = probability.astype(np.float32, copy=False)
    if not ((probability >= 0) & (probability <= 1)).all():  # false for NaN as well
        raise ValueError("Probabilities lie in [0, 1]; apply the sigmoid to logits first.")
    return probability, mask


def _count(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(4, 49): tp, fp, fn, tn at every threshold, from one look at each pixel."""
    # How many thresholds lie below each score: it is found at exactly those.
    passed = np.searchsorted(THRESHOLDS.astype(np.float32), probability)  # (H, W)
    bins = len(THRESHOLDS) + 1
    inside = np.bincount(passed[mask], minlength=bins)
    outside = np.bincount(passed[~mask], minlength=bins)
    missed, rejected = inside.cumsum()[:-1], outside.cumsum()[:-1]  # (49,) at or below each
    return np.stack([inside.sum() - missed, outside.sum() - rejected, missed, rejected])


def _iou(counts: np.ndarray) -> np.ndarray:
    tp, fp, fn, _ = counts
    return tp / (1 + tp + fp + fn)


def _simpson(y: np.ndarray, x: np.ndarray) -> float:
    """The area under `y` over ascending `x` by Simpson's rule with unequal steps.

    An even number of points leaves one interval over: it is the mean of both choices, the first
    and the last interval by trapezoid, as in SciPy up to 1.10. (Newer releases use a parabola
    there, and the published numbers are older.)
    """
    if len(x) % 2:
        return _parabolas(y, x)
    first = _trapezoid(y[:2], x[:2]) + _parabolas(y[1:], x[1:])
    last = _parabolas(y[:-1], x[:-1]) + _trapezoid(y[-2:], x[-2:])
    return (first + last) / 2


def _trapezoid(y: np.ndarray, x: np.ndarray) -> float:
    return float((x[1] - x[0]) * (y[0] + y[1]) / 2)


def _parabolas(y: np.ndarray, x: np.ndarray) -> float:
    steps = np.diff(x)
    h0, h1 = steps[::2], steps[1::2]
    h = h0 + h1
    terms = (
        y[:-2:2] * (2 - _quotient(h1, h0))
        + y[1:-1:2] * _quotient(h * h, h0 * h1)
        + y[2::2] * (2 - _quotient(h0, h1))
    )
    return float((h / 6 * terms).sum())


def _quotient(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Their ratio, 0 where the denominator is: points of equal recall enclose no area."""
    zeros = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=zeros, where=denominator != 0)
