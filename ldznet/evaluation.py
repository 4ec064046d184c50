"""How well networks find the phrases of a dataset, beside the two answers that need no network."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

import numpy as np

from ldznet.metrics import IntervalMetrics, threshold_index
from ldznet.phrases import MAX_PHRASES
from ldznet.pipeline import Segmenter, Settings
from ldznet.types import Sample, Scores

Name = TypeVar("Name", bound=Hashable)

# What a network must beat: the same probability everywhere, whatever the image and the phrase.
CONSTANTS = {"everything": 1.0, "nothing": 0.0}


@dataclass(frozen=True)
class Report:
    """The scores of one network, or of one trivial answer, on one set of samples."""

    overall: Scores  # of count 0 if all masks are empty and counted as false alarms
    kinds: dict[str, Scores]  # per kind of phrase, alphabetically; empty if the samples name none
    # Mean share of the picture, in [0, 1], that is above the threshold where the mask is empty;
    # None where that is not what was counted.
    false_alarm: float | None = None


class Tally(Generic[Name]):
    """Counts probabilities against true masks, by name and kind of phrase, as samples stream by.

    The IoUs are in the paper's convention (see `metrics`) at `threshold`, a multiple of 0.02, in
    which an empty mask has an IoU of 0 whatever is found. With `alarms` samples of empty masks
    count for the false alarm instead, and for nothing else. Raises ValueError for another
    threshold.
    """

    def __init__(self, threshold: float = 0.5, *, alarms: bool = False) -> None:
        threshold_index(threshold)  # now rather than after the last sample
        self.threshold = threshold
        self.alarms = alarms
        self._kinds: dict[Name, defaultdict[str, IntervalMetrics]] = {}
        self._alarms: defaultdict[Name, list[float]] = defaultdict(list)

    def count(self, sample: Sample, probabilities: Mapping[Name, np.ndarray]) -> None:
        """Count a sample's probabilities, each (H, W) float32 in [0, 1], of the mask's size.

        Raises ValueError for one that does not fit the mask.
        """
        for name, probability in probabilities.items():
            kinds = self._kinds.setdefault(name, defaultdict(IntervalMetrics))
            if self.alarms and not sample.mask.any():
                self._alarms[name].append(float((probability > self.threshold).mean()))
            else:
                kinds[sample.kind].update(probability, sample.mask)

    def reports(self) -> dict[Name, Report]:
        """A report per name, as first counted; raises ValueError if nothing was."""
        if not self._kinds:
            raise ValueError("The dataset has no samples, so there is nothing to score.")
        return {name: self._report(name) for name in self._kinds}

    def _report(self, name: Name) -> Report:
        kinds, alarms = self._kinds[name], self._alarms.get(name)
        whole = IntervalMetrics()
        for metrics in kinds.values():
            whole.merge(metrics)
        return Report(
            overall=whole.scores(self.threshold) if kinds else Scores(0.0, 0.0, 0.0, 0),
            kinds={kind: kinds[kind].scores(self.threshold) for kind in sorted(kinds) if kind},
            false_alarm=sum(alarms) / len(alarms) if alarms else None,
        )


def score(
    samples: Iterable[Sample],
    answer: Callable[[np.ndarray, tuple[str, ...]], Mapping[Name, np.ndarray]],
    *,
    threshold: float = 0.5,
    alarms: bool = False,
) -> dict[Name, Report]:
    """A report for each name under which `answer` gives probabilities, on all the samples.

    - `samples` stream by; consecutive ones that share their image array are answered together, at
      most 16 at a time
    - `answer(image, phrases)`, of an image (H, W, 3) uint8 and its phrases, gives by name
      (P, H, W) float32 probabilities in [0, 1], a row per phrase; names are the caller's own
    - `threshold` of the IoUs and the false alarm, a multiple of 0.02 inside (0, 1)
    - `alarms` counts samples of empty masks apart (see `Tally`)

    Raises ValueError for another threshold, no samples, and what does not fit a sample's mask.
    """
    tally: Tally[Name] = Tally(threshold, alarms=alarms)
    for group in group_by_image(samples):
        probabilities = answer(group[0].image, tuple(sample.phrase for sample in group))
        for row, sample in enumerate(group):
            tally.count(sample, {name: rows[row] for name, rows in probabilities.items()})
    return tally.reports()


def evaluate(
    segmenter: Segmenter,
    samples: Iterable[Sample],
    networks: Sequence[str],
    settings: Settings | None = None,
    *,
    threshold: float = 0.5,
) -> dict[str, Report]:
    """A report per network, then one for each of `CONSTANTS`, all on the same samples.

    Samples, threshold and errors as of `score`; raises ValueError as `Segmenter.compare` does too.
    """
    options = asdict(settings or Settings())

    def answer(image: np.ndarray, phrases: tuple[str, ...]) -> dict[str, np.ndarray]:
        segmentations = segmenter.compare(image, phrases, networks, **options)
        probabilities = {name: each.probability for name, each in segmentations.items()}
        shape = (len(phrases), *image.shape[:2])
        return probabilities | {
            name: np.full(shape, probability, np.float32) for name, probability in CONSTANTS.items()
        }

    return score(samples, answer, threshold=threshold)


def group_by_image(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Runs of samples that share one image array, no longer than a comparison may be."""
    run: list[Sample] = []
    for sample in samples:
        if run and (sample.image is not run[0].image or len(run) == MAX_PHRASES):
            yield run
            run = []
        run.append(sample)
    if run:
        yield run
