"""What the trials say together: means and spreads over the seeds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

from ldznet.study.design import PARTS, Trial
from ldznet.study.sets import UNSEEN


def summarise(finished: Mapping[Trial, Mapping[str, Any]]) -> dict[str, Any]:
    """Every part's trials, joined where only the seed differs: each score's mean and spread.

    The spread is the standard deviation over seeds, None for a single one. Trials that are not
    finished are left out.
    """
    parts = {
        part: _join(trial for trial in trials if trial in finished)
        for part, trials in PARTS.items()
    }
    return {
        "generated": next(iter(finished.values()))["generated"],
        "commits": sorted({told["commit"] for told in finished.values()}),
        "hours": round(sum(told["training"]["seconds"] for told in finished.values()) / 3600, 2),
        "parts": {
            part: [_report([finished[trial] for trial in group]) for group in groups]
            for part, groups in parts.items()
            if groups
        },
    }


def _join(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Trials that differ in the seed alone, together."""
    groups: defaultdict[Trial, list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[replace(trial, seed=0)].append(trial)
    return list(groups.values())


def _report(members: list[Mapping[str, Any]]) -> dict[str, Any]:
    every = [_with_unseen(told["scores"]) for told in members]
    scores: dict[str, dict[str, Any]] = {}
    for name, first in every[0].items():
        scores[name] = {}
        for measure in first:
            values = [each[name][measure] for each in every]
            spread = stdev(values) if len(values) > 1 else None
            scores[name][measure] = {"mean": fmean(values), "spread": spread}
    return {
        "trial": {**members[0]["trial"], "seed": [told["trial"]["seed"] for told in members]},
        "config": members[0]["config"],
        "scores": scores,
    }


def _with_unseen(scores: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """The scores with the mean over the styles that no mask was of, as a set of its own."""
    mean = {
        measure: fmean(scores[style][measure] for style in UNSEEN)
        for measure in ("mean_iou", "average_precision")
    }
    return {**scores, "unseen styles": mean}
