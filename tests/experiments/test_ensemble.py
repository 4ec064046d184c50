"""What ensembles buy, against `evaluate` for one member and means taken by hand for two."""

import numpy as np
import pytest

from ldznet.evaluation import evaluate
from ldznet.experiments.ensemble import measure_ensembles
from ldznet.metrics import IntervalMetrics
from ldznet.pipeline import Settings
from ldznet.pipeline.recipe import deterministic_passes
from ldznet.types import Sample


@pytest.fixture(scope="module")
def dataset(picture):
    square = picture[..., 0] == 250
    return [
        Sample(picture, "ball", square, "drawn", "category"),
        Sample(picture[::-1].copy(), "star", square[::-1], "drawn", "category"),
    ]


def test_one_member_scores_as_the_plain_evaluation_and_two_as_their_mean(segmenter, dataset):
    scores = measure_ensembles(segmenter, dataset, seed=3, templates=["the {}"], sizes=(1, 2))
    plain = evaluate(segmenter, dataset, list(segmenter.networks), Settings(seed=3))
    assert set(scores["noise"]) == set(scores["timestep"]) >= {"ldznet"}
    assert set(scores["template"]) == set(scores["all"]) == set(segmenter.networks)
    for networks in scores.values():
        for name, sizes in networks.items():
            assert sizes[1] == plain[name].overall
    means = {"noise": IntervalMetrics(), "template": IntervalMetrics()}
    for sample in dataset:
        second = deterministic_passes([sample.phrase], Settings(seed=3, ensemble=2))[1]
        first = segmenter(sample.image, [sample.phrase], seed=3).probability[0]
        for ingredient, options in (
            ("noise", {"seed": second.seed}),
            ("template", {"seed": 3, "template": "the {}"}),
        ):
            other = segmenter(sample.image, [sample.phrase], **options).probability[0]
            means[ingredient].update(np.mean([first, other], axis=0), sample.mask)
    for ingredient, metrics in means.items():
        assert scores[ingredient]["ldznet"][2] == metrics.scores(0.5)


def test_nothing_to_score_is_refused(segmenter):
    with pytest.raises(ValueError, match="no samples"):
        measure_ensembles(segmenter, [], seed=0, templates=[])
