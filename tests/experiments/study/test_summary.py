import statistics

import pytest

from ldznet.experiments.study.design import PARTS, Trial, trials_of
from ldznet.experiments.study.sets import UNSEEN
from ldznet.experiments.study.summary import summarise


def record(trial: Trial, mean_iou: float, kept: float = 0.5) -> dict:
    return {
        "commit": "abc",
        "generated": {"redrawn": {"kept": kept, "truth": 0.9}},
        "trial": {"network": trial.network, "masks": trial.masks, "seed": trial.seed},
        "config": {"steps": 3},
        "training": {"seconds": 1800.0},
        "scores": {
            "photo": {"mean_iou": mean_iou},
            **{style: {"mean_iou": mean_iou / 2, "average_precision": 0.75} for style in UNSEEN},
        },
    }


def test_seeds_are_joined_and_nothing_else():
    trials = [Trial("znet", 500, 0), Trial("znet", 500, 1), Trial("znet", 8000, 0)]
    values = [0.5, 0.8, 0.9]
    summary = summarise(
        {trial: record(trial, value) for trial, value in zip(trials, values, strict=True)}
    )
    assert list(summary["parts"]) == ["main", "negatives"]  # the latter compares with the former
    many, few = summary["parts"]["main"]
    assert (few["trial"]["masks"], few["trial"]["seed"]) == (500, [0, 1])
    assert few["scores"]["photo"]["mean_iou"]["mean"] == pytest.approx(0.65)
    spread = few["scores"]["photo"]["mean_iou"]["spread"]
    assert spread == pytest.approx(statistics.stdev([0.5, 0.8]))
    assert many["scores"]["photo"]["mean_iou"] == {"mean": 0.9, "spread": None}
    assert many["scores"]["unseen styles"]["mean_iou"]["mean"] == pytest.approx(0.45)
    assert many["scores"]["unseen styles"]["average_precision"]["mean"] == pytest.approx(0.75)
    assert summary["hours"] == 1.5


def test_each_part_says_what_pictures_it_was_judged_by():
    main, rates = Trial("znet", 2000, 0), Trial("znet", 2000, 0, learning_rate=1e-3)
    summary = summarise({rates: record(rates, 0.5, kept=0.25), main: record(main, 0.5, kept=0.75)})
    for part, kept in (("rates", 0.25), ("main", 0.75)):
        (group,) = summary["parts"][part]
        assert group["generated"]["redrawn"]["kept"] == kept


def test_margins_are_over_pairs_of_the_same_seed():
    scores = {("rgbnet", 0): 0.5, ("rgbnet", 1): 0.6, ("znet", 0): 0.6, ("znet", 1): 0.9}
    scores["rgbnet", 2] = 0.1  # no ZNet of this seed is finished
    trials = {Trial(network, 500, seed): value for (network, seed), value in scores.items()}
    (margin,) = summarise({trial: record(trial, value) for trial, value in trials.items()})[
        "margins"
    ]
    assert margin["trial"] == {"network": "znet", "over": "rgbnet", "masks": 500, "seed": [0, 1]}
    lead = margin["scores"]["photo"]["mean_iou"]
    assert lead["mean"] == pytest.approx(0.2)
    assert lead["spread"] == pytest.approx(statistics.stdev([0.1, 0.3]))
    assert margin["scores"]["unseen styles"]["mean_iou"]["mean"] == pytest.approx(0.1)


def test_the_main_part_compares_networks_on_equal_terms():
    shared = {}
    for trial in trials_of("main"):
        shared.setdefault(trial.network, []).append(
            (trial.masks, trial.seed, trial.start, trial.learning_rate, trial.absent)
        )
    assert len({tuple(terms) for terms in shared.values()}) == 1
    every = {trial for part in PARTS for trial in trials_of(part)}
    assert len({trial.name for trial in every}) == len(every)
