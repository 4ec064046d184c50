"""Trains the study's networks, several at a time, and scores each on every set."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from ldznet.backbone import LatentDiffusion
from ldznet.evaluation import Tally
from ldznet.experiments.checker import load_checker
from ldznet.experiments.pocket.recipe import RECIPE
from ldznet.experiments.pocket.scenes import draw_masked_samples
from ldznet.experiments.processes import run_side_by_side
from ldznet.experiments.study import design
from ldznet.experiments.study.design import PARTS, Trial
from ldznet.experiments.study.sets import drawn_sets, imagined_set, redrawn_set
from ldznet.experiments.study.summary import (
    fingerprint,
    read_record,
    read_records,
    summarise,
    write_record,
)
from ldznet.networks import SegmentationNetwork
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.training.dataset import MaskedScenes, prepare_masked_scenes
from ldznet.training.loop import TrainConfig, save_half
from ldznet.training.network import FUSION_SHARE, new_network, timesteps_around, train_network
from ldznet.types import Sample

BATCH = 16  # samples scored at a time
NOISE_SEED = 0
THRESHOLD = 0.5

# What the LDM's features are replaced by: nothing, zeros, or those of another picture in the batch.
Ablation = Literal["none", "zeroed", "shuffled"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment study`."""
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--backbone", type=Path, default=Path("assets/pocket"), help="a folder")
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--runs", type=Path, default=Path("runs/study"), help="checkpoints")
    parser.add_argument(
        "--records",
        type=Path,
        default=Path("assets/benchmarks/study"),
        help="scores of finished trials, which are not repeated",
    )
    parser.add_argument("--steps", type=int, help="of every training; without it, as shipped")
    parser.add_argument("--scenes", type=int, default=150, help="of every test set")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, score, write; raises ValueError with one sentence.

    The result holds every trial with a record, those of parts not named included.
    """
    check_result_path(arguments.output)
    command = command_line(arguments)
    trials = list(
        dict.fromkeys(trial for part in arguments.parts for trial in design.trials_of(part))
    )
    plan = Plan(
        arguments.backbone,
        arguments.checker,
        fingerprint(arguments.backbone),
        arguments.runs,
        arguments.records,
        arguments.steps,
        arguments.scenes,
        command,
    )
    finished = run_study(trials, plan, arguments.workers)
    for trial, record in tqdm(finished, total=len(trials)):
        scores = [
            f"{name} {100 * each['mean_iou']:.1f}"
            for name, each in record["scores"].items()
            if "mean_iou" in each
        ]
        tqdm.write(f"{trial.name}: {', '.join(scores)}")
        records = read_records(arguments.records, plan.fingerprint)
        write_result(arguments.output, command, summarise(records))
    print(f"Written to {arguments.output}")


@dataclass(frozen=True)
class Plan:
    """What all trials of a study share, as it is handed to the processes."""

    backbone: Path
    checker: Path
    fingerprint: str  # of the backbone
    runs: Path  # checkpoints and trained networks
    records: Path  # what finished trials scored
    steps: int | None  # of every training; None: as the shipped networks
    scenes: int  # of every test set
    command: str


def run_study(
    trials: Sequence[Trial], plan: Plan, workers: int
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Each trial with its record, in order; one with a record is not repeated.

    It can be stopped at any time: an unfinished trial goes on from its last checkpoint. Raises
    ValueError if a training diverges, and as `LatentDiffusion.from_pretrained` does.
    """
    recorded = {trial: read_record(plan.records, trial, plan.fingerprint) for trial in trials}
    missing = [(trial,) for trial in trials if recorded[trial] is None]
    with closing(run_side_by_side(Worker(plan), missing, workers)) as results:
        for trial in trials:
            yield trial, recorded[trial] or next(results)


@dataclass(frozen=True)
class Setting:
    """What all trials share, in memory."""

    backbone: LatentDiffusion
    training: TrainConfig
    timestep: int  # where the LDM is read, unless a trial says otherwise
    sets: Mapping[str, tuple[MaskedScenes, Sequence[Sample]]]
    quality: Mapping[str, Mapping[str, float | None]]  # of the generated sets' pictures and masks


class Worker:
    """Does one trial after the other; what they share is made once, by the first."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.setting: Setting | None = None
        # Trials that differ in the network alone follow each other: their scenes are kept.
        self.drawn: tuple[tuple[int, int, bool], MaskedScenes] | None = None

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """The record of a trial, trained, scored and written."""
        plan = self.plan
        if self.setting is None:
            self.setting = settle(plan)
        scenes = self._scenes(self.setting.backbone, trial)
        scored = run_trial(trial, self.setting, scenes, plan.runs)
        return write_record(plan.records, trial, plan.fingerprint, plan.command, scored)

    def _scenes(self, backbone: LatentDiffusion, trial: Trial) -> MaskedScenes:
        key = trial.masks, trial.seed, trial.absent
        if self.drawn is None or self.drawn[0] != key:
            samples = draw_masked_samples(trial.masks, trial.seed)
            chosen = [sample for sample in samples if trial.absent or sample.kind != "absent"]
            self.drawn = key, prepare_masked_scenes(backbone, chosen)
        return self.drawn[1]


def settle(plan: Plan) -> Setting:
    """The backbone, the training and the sets of a plan."""
    backbone = LatentDiffusion.from_pretrained(plan.backbone, device="cpu", precision="float32")
    checker = load_checker(plan.checker)
    drawn = drawn_sets(plan.scenes)
    generated = {
        "redrawn": redrawn_set(backbone, checker, plan.scenes),
        "imagined": imagined_set(backbone, checker, plan.scenes),
    }
    every = drawn | {name: each.samples for name, each in generated.items()}
    sets = {
        name: (prepare_masked_scenes(backbone, samples), samples)
        for name, samples in every.items()
        if samples  # a backbone that draws nothing recognisable leaves a generated set empty
    }
    quality = {name: {"kept": each.kept, "truth": each.truth} for name, each in generated.items()}
    training = RECIPE.network
    if plan.steps is not None:
        training = replace(training, steps=plan.steps)
    return Setting(backbone, training, RECIPE.feature_timestep, sets, quality)


def run_trial(trial: Trial, setting: Setting, scenes: MaskedScenes, folder: Path) -> dict[str, Any]:
    """The scores by set of a trial's network, and how they came about.

    The trained network and its checkpoints are written to a folder of the trial's name in `folder`.
    """
    own = folder / trial.name
    backbone = setting.backbone
    timestep = setting.timestep if trial.timestep is None else trial.timestep
    config = replace(setting.training, seed=trial.seed)
    if trial.learning_rate is not None:
        config = replace(config, learning_rate=trial.learning_rate)
    timesteps = timesteps_around(timestep)
    network = new_network(
        trial.network,
        backbone,
        scenes,
        timesteps,
        seed=trial.seed,
        from_backbone=trial.start == "backbone",
    )
    share = FUSION_SHARE if trial.fusion_share is None else trial.fusion_share
    result = train_network(network, backbone, scenes, config, own, timesteps, fusion_share=share)
    start = time.monotonic()
    scores = {
        name: score_network(network, backbone, prepared, samples, timestep=timestep)
        for name, (prepared, samples) in setting.sets.items()
    }
    if network.reading:
        ablations: tuple[Ablation, ...] = ("zeroed", "shuffled")
        for ablation in ablations:
            for name in ("photo", "novel"):
                prepared, samples = setting.sets[name]
                scores[f"{name}, features {ablation}"] = score_network(
                    network, backbone, prepared, samples, timestep=timestep, ablation=ablation
                )
    save_half(network, own / "network")
    return {
        "trial": asdict(trial) | {"timestep": timestep, "fusion_share": share},
        "config": asdict(config),
        "phrases": len(scenes.rows),
        "generated": setting.quality,
        "training": asdict(result),
        "judging_seconds": round(time.monotonic() - start, 1),
        "scores": scores,
    }


@torch.no_grad()
def score_network(
    network: SegmentationNetwork,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    samples: Sequence[Sample],
    *,
    timestep: int,
    ablation: Ablation = "none",
) -> dict[str, float | int]:
    """mIoU overall and by kind, IoU_FG and AP, in [0, 1], of the samples that `scenes` holds.

    For samples of empty masks only the false alarm counts: the mean share of the picture above
    `THRESHOLD`. `timestep` is where the LDM is read, by networks that read it.
    """
    tally: Tally[str] = Tally(THRESHOLD, alarms=True)
    # In batches of different pictures, and not picture by picture as `evaluation.score` takes them:
    # "shuffled" needs other pictures beside each.
    for start in range(0, len(samples), BATCH):
        chosen = list(range(start, min(start + BATCH, len(samples))))
        encoding, masks = scenes.batch(chosen, backbone.device)
        if network.reading:
            noise = backbone.draw_noise(encoding.latents[:1].shape, NOISE_SEED)
            recording = backbone.read(
                encoding.latents, encoding.text, network.reading, timestep=timestep, noise=noise
            )
            features = _ablate(recording.features_at(timestep), ablation)
            encoding = replace(encoding, features=features)
        probability = network(encoding).float().sigmoid()
        probability = functional.interpolate(
            probability, masks.shape[-2:], mode="bilinear", antialias=True
        )
        for index, row in zip(chosen, probability[:, 0].clamp(0, 1).cpu().numpy(), strict=True):
            tally.count(samples[index], {"": row})
    report = tally.reports()[""]
    result: dict[str, float | int] = {"phrases": len(samples)}
    if report.false_alarm is not None:
        result["false_alarm"] = report.false_alarm
    if report.overall.count:
        result["mean_iou"] = report.overall.mean_iou
        result["foreground_iou"] = report.overall.foreground_iou
        result["average_precision"] = report.overall.average_precision
    for kind, scores in report.kinds.items():
        result[f"mean_iou of {kind}"] = scores.mean_iou
    return result


def _ablate(features: Mapping[int, Tensor], ablation: Ablation) -> Mapping[int, Tensor]:
    """The same features, zeros, or those of the picture half a batch away."""
    if ablation == "zeroed":
        return {block: torch.zeros_like(part) for block, part in features.items()}
    if ablation == "shuffled":
        return {block: part.roll(len(part) // 2, dims=0) for block, part in features.items()}
    return features
