"""What finished trials scored, a small file each, and what they say together: means and spreads.

The records are files of their own so that no clone of the repository repeats a trial.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ldznet.experiments.study import design
from ldznet.experiments.study.design import MASKS, PARTS, SEEDS, Trial
from ldznet.experiments.study.sets import UNSEEN
from ldznet.results.records import write_result

Record = Mapping[str, Any]  # of a finished trial
Scores = Mapping[str, Mapping[str, float]]  # by set and measure


def fingerprint(backbone: Path) -> str:
    """What tells one backbone's U-Net from another's: 16 digits of a hash of its weights.

    A folder without weights has the fingerprint of nothing; loading it says what is wrong.
    """
    digest = hashlib.sha256()
    for weights in sorted((backbone / "unet").glob("*.safetensors")):
        digest.update(weights.read_bytes())
    return digest.hexdigest()[:16]


def read_record(folder: Path, trial: Trial, backbone: str) -> dict[str, Any] | None:
    """What a trial scored on the backbone of this fingerprint; None if it is still to be run."""
    path = _path(folder, trial)
    if not path.exists():
        return None
    record = json.loads(path.read_text())
    return record if record["backbone"] == backbone else None


def write_record(
    folder: Path, trial: Trial, backbone: str, command: str, scored: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep what a trial scored; returns the record."""
    folder.mkdir(parents=True, exist_ok=True)
    return json.loads(write_result(_path(folder, trial), command, {"backbone": backbone, **scored}))


def read_records(folder: Path, backbone: str) -> dict[Trial, dict[str, Any]]:
    """Every finished trial of every part."""
    trials = dict.fromkeys(trial for part in PARTS for trial in design.trials_of(part))
    records = {trial: read_record(folder, trial, backbone) for trial in trials}
    return {trial: record for trial, record in records.items() if record is not None}


def _path(folder: Path, trial: Trial) -> Path:
    return folder / f"{trial.name}.json"


def summarise(finished: Mapping[Trial, Record]) -> dict[str, Any]:
    """Every part's trials, joined where only the seed differs: each score's mean and spread.

    "margins" has the same of the differences between networks. The spread is the standard
    deviation over seeds, None for a single one. Trials that are not finished are left out.
    """
    parts = {
        part: _join(trial for trial in design.trials_of(part) if trial in finished)
        for part in PARTS
    }
    return {
        "seeds": "see each trial's seed, of its scenes, batches and new weights",
        "commits": sorted({record["commit"] for record in finished.values()}),
        "hours": round(sum(each["training"]["seconds"] for each in finished.values()) / 3600, 2),
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


def _margins(finished: Mapping[Trial, Record]) -> list[dict[str, Any]]:
    """How far the main part's networks lead; both of a pair saw the same scenes and batches."""
    margins = []
    for masks, (network, over) in product(MASKS, design.pairs()):
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
        name: {measure: scores[name][measure] - other for measure, other in measures.items()}
        for name, measures in others.items()
    }


def _report(members: list[Record]) -> dict[str, Any]:
    return {
        "trial": {**members[0]["trial"], "seed": [each["trial"]["seed"] for each in members]},
        "config": members[0]["config"],
        "generated": members[0]["generated"],  # what the trials of a part were judged by
        "scores": _over_seeds([_with_unseen(each["scores"]) for each in members]),
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
