"""Runs trials, several at a time, each in a process of one thread."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ldznet.experiments.processes import run_side_by_side
from ldznet.experiments.study.design import Trial
from ldznet.experiments.study.records import read_record, write_record


@dataclass(frozen=True)
class Plan:
    """What all trials of a study share, as it is told to the processes."""

    backbone: Path
    checker: Path
    fingerprint: str  # of the backbone
    runs: Path  # checkpoints and trained networks
    records: Path  # what finished trials scored
    steps: int | None  # of every training; None: as the shipped networks
    scenes: int  # of every test set
    command: str


_settings: dict[Plan, Any] = {}  # of this process


def run_trials(
    trials: Sequence[Trial], plan: Plan, workers: int
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Each trial with its scores, in order; one with a record is not repeated.

    It can be stopped at any time: an unfinished trial goes on from its last checkpoint. Raises
    ValueError if a training diverges, and as `LatentDiffusion.from_pretrained` does.
    """
    recorded = {trial: read_record(plan.records, trial, plan.fingerprint) for trial in trials}
    missing = [(trial, plan) for trial in trials if recorded[trial] is None]
    with closing(run_side_by_side(_run, missing, workers)) as results:
        for trial in trials:
            yield trial, recorded[trial] or next(results)


def _run(trial: Trial, plan: Plan) -> dict[str, Any]:
    # Imported here, in the process that works: the one that waits needs none of it.
    from ldznet.experiments.study.trial import run_trial

    if plan not in _settings:
        _settings[plan] = _settle(plan)
    told = run_trial(trial, _settings[plan], plan.runs, plan.command)
    write_record(plan.records, trial, plan.fingerprint, told)
    return told


def _settle(plan: Plan) -> Any:
    from ldznet.backbone import LatentDiffusion
    from ldznet.experiments.checking import load_checker
    from ldznet.experiments.pocket.recipe import RECIPE
    from ldznet.experiments.study.generated import imagined_set, redrawn_set
    from ldznet.experiments.study.sets import test_sets
    from ldznet.experiments.study.trial import Setting
    from ldznet.training.network import prepare_masked_scenes

    backbone = LatentDiffusion.from_pretrained(plan.backbone, device="cpu", precision="float32")
    checker = load_checker(plan.checker)
    drawn = test_sets(plan.scenes)
    generated = {
        "redrawn": redrawn_set(backbone, checker, plan.scenes),
        "imagined": imagined_set(backbone, checker, plan.scenes),
    }
    every = drawn | {name: found.samples for name, found in generated.items()}
    sets = {
        name: (prepare_masked_scenes(backbone, samples), samples)
        for name, samples in every.items()
        if samples  # a backbone that draws nothing recognisable leaves a generated set empty
    }
    quality = {
        name: {"kept": found.kept, "truth": found.truth} for name, found in generated.items()
    }
    training = RECIPE.network
    if plan.steps is not None:
        training = replace(training, steps=plan.steps)
    return Setting(backbone, training, RECIPE.feature_timestep, sets, quality)
