"""What the trials say together: means and spreads over the seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from statistics import fmean, stdev
from typing import Any

from ldznet.experiments.study.design import MASKS, PARTS, SEEDS, Trial
from ldznet.experiments.study.sets import UNSEEN

Scores = Mapping[str, Mapping[str, float]]  # by set and measure

# Each network with those it is said to be better than.
CLAIMS = (("znet", "rgbnet"), ("ldznet", "rgbnet"), ("ldznet", "znet"))


def summarise(finished: Mapping[Trial, Mapping[str, Any]]) -> dict[str, Any]:
    """Every part's trials, joined where only the seed differs: each score's mean and spread.

    "margins" has the same of the differences between networks. The spread is the standard
    deviation over seeds, None for a single one. Trials that are not finished are left out.
    """
    parts = {
        part: _join(trial for trial in trials if trial in finished)
        for part, trials in PARTS.items()
    }
    return {
        "commits": sorted({told["commit"] for told in finished.values()}),
        "hours": round(sum(told["training"]["seconds"] for told in finished.values()) / 3600, 2),
        "parts": {
            part: [_report([finished[trial] for trial in group]) for group in groups]
            for part, groups in parts.items()
            if groups
        },
        "margins": _margins(finished),
    }


def _join(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Trials that differ in the seed alone, together."""
    groups: defaultdict[Trial, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[replace(trial, seed=0)].append(trial)
    return list(groups.values())


def _margins(finished: Mapping[Trial, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How far the main part's networks lead; both of a pair saw the same scenes and batches."""
    margins = []
    for masks, (network, over) in product(MASKS, CLAIMS):
        pairs = {seed: (Trial(network, masks, seed), Trial(over, masks, seed)) for seed in SEEDS}
        leads = {
            seed: _lead(*(_with_unseen(finished[trial]["scores"]) for trial in pair))
            for seed, pair in pairs.items()
            if finished.keys() >= set(pair)
        }
        if leads:
            trial = {"network": network, "over": over, "masks": masks, "seed": list(leads)}
            margins.append({"trial": trial, "scores": _over_seeds(list(leads.values()))})
    return margins


def _lead(scores: Scores, others: Scores) -> dict[str, dict[str, float]]:
    return {
        name: {measure: scores[name][measure] - other for measure, other in told.items()}
        for name, told in others.items()
    }


def _report(members: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "trial": {**members[0]["trial"], "seed": [told["trial"]["seed"] for told in members]},
        "config": members[0]["config"],
        "generated": members[0]["generated"],  # what the trials of a part were judged by
        "scores": _over_seeds([_with_unseen(told["scores"]) for told in members]),
    }


def _over_seeds(every: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each score's mean and spread over the seeds."""
    scores: dict[str, dict[str, Any]] = {}
    for name, first in every[0].items():
        scores[name] = {}
        for measure in first:
            values = [each[name][measure] for each in every]
            spread = stdev(values) if len(values) > 1 else None
            scores[name][measure] = {"mean": fmean(values), "spread": spread}
    return scores


def _with_unseen(scores: Scores) -> dict[str, Mapping[str, float]]:
    """The scores with the mean over the styles that no mask was of, as a set of its own."""
    mean = {
        measure: fmean(scores[style][measure] for style in UNSEEN)
        for measure in ("mean_iou", "average_precision")
    }
    return {**scores, "unseen styles": mean}
