"""How alike two ways to the same masks are, phrase by phrase."""

from dataclasses import dataclass

import numpy as np

from ldznet.metrics import iou
from ldznet.types import Segmentation


@dataclass(frozen=True)
class Agreement:
    """How alike one way's masks and probabilities are to those of another, held to be exact."""

    phrases: int
    both_empty: int  # phrases for which neither way found a pixel
    mean_iou: float  # in [0, 1]; two empty masks count as 1
    mean_iou_found: float  # the same without those; 0 if there are no others
    probability_difference: float  # mean over all pixels, absolute, in [0, 1]


class AgreementTally:
    """Collects phrase by phrase what an `Agreement` holds."""

    def __init__(self) -> None:
        self.overlaps: list[float | None] = []
        self.differences: list[float] = []

    def add(self, segmentation: Segmentation, expected: Segmentation) -> None:
        """Count every phrase of one picture."""
        self.overlaps += map(iou, segmentation.mask, expected.mask)
        difference = np.abs(segmentation.probability - expected.probability)
        self.differences += difference.mean(axis=(1, 2)).tolist()

    def result(self) -> Agreement:
        """What was counted so far, of at least one phrase."""
        overlaps = [overlap for overlap in self.overlaps if overlap is not None]
        empty = len(self.overlaps) - len(overlaps)
        return Agreement(
            phrases=len(self.overlaps),
            both_empty=empty,
            mean_iou=(sum(overlaps) + empty) / len(self.overlaps),
            mean_iou_found=float(np.mean(overlaps)) if overlaps else 0.0,
            probability_difference=float(np.mean(self.differences)),
        )
