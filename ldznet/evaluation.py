"""How well networks find the phrases of a dataset, beside the two answers that need no network."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ldznet.metrics import IntervalMetrics, threshold_index
from ldznet.phrases import MAX_PHRASES
from ldznet.pipeline import Segmenter
from ldznet.types import Sample, Scores

# What a network must beat: the same probability everywhere, whatever the image and the phrase.
BASELINES = {"everything": 1.0, "nothing": 0.0}


@dataclass(frozen=True)
class Report:
    """The scores of one network, or of one trivial answer, on one set of samples."""

    overall: Scores
    kinds: dict[str, Scores]  # per kind of phrase, alphabetically; empty if the samples name none


def evaluate(
    segmenter: Segmenter,
    dataset: Iterable[Sample],
    networks: Sequence[str],
    *,
    seed: int,
    timestep: int | None = None,
    threshold: float = 0.5,
    recipe: str = "deterministic",
    ensemble: int = 1,
) -> dict[str, Report]:
    """A report per network, then one for each of `BASELINES`, all on the same samples.

    The samples stream by: consecutive ones that share their image array are segmented together.
    The IoUs are in the paper's convention (see `metrics`) at `threshold`, a multiple of 0.02.
    Raises ValueError for another threshold, an empty dataset, and as `Segmenter.compare` does.
    """
    threshold_index(threshold)  # now rather than after the last sample
    counted: dict[str, dict[str, IntervalMetrics]] = {
        name: defaultdict(IntervalMetrics) for name in (*networks, *BASELINES)
    }
    for samples in _by_image(dataset):
        phrases = [sample.phrase for sample in samples]
        found = segmenter.compare(
            samples[0].image,
            phrases,
            networks,
            seed=seed,
            timestep=timestep,
            recipe=recipe,
            ensemble=ensemble,
        )
        for row, sample in enumerate(samples):
            for name, segmentation in found.items():
                counted[name][sample.kind].update(segmentation.probability[row], sample.mask)
            for name, probability in BASELINES.items():
                constant = np.full(sample.mask.shape, probability, np.float32)
                counted[name][sample.kind].update(constant, sample.mask)
    return {name: _report(kinds, threshold) for name, kinds in counted.items()}


def _by_image(dataset: Iterable[Sample]) -> Iterator[list[Sample]]:
    """Runs of samples that share one image array, no longer than a comparison may be."""
    run: list[Sample] = []
    for sample in dataset:
        if run and (sample.image is not run[0].image or len(run) == MAX_PHRASES):
            yield run
            run = []
        run.append(sample)
    if run:
        yield run


def _report(kinds: dict[str, IntervalMetrics], threshold: float) -> Report:
    if not kinds:
        raise ValueError("The dataset has no samples, so there is nothing to score.")
    overall = IntervalMetrics()
    for metrics in kinds.values():
        overall.merge(metrics)
    named = {kind: kinds[kind].scores(threshold) for kind in sorted(kinds) if kind}
    return Report(overall.scores(threshold), named)
