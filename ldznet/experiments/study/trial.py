"""Trains one network of the study and judges it on every set."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ldznet.backbone import LatentDiffusion
from ldznet.experiments.study.design import Trial
from ldznet.experiments.study.judging import judge
from ldznet.results.provenance import origin
from ldznet.training.loop import TrainConfig
from ldznet.training.network import (
    FUSION_SHARE,
    MaskedScenes,
    draw_samples,
    new_network,
    prepare_masked_scenes,
    timesteps_around,
    train_network,
)
from ldznet.training.saving import save_half
from ldznet.types import Sample


@dataclass(frozen=True)
class Setting:
    """What all trials share."""

    backbone: LatentDiffusion
    training: TrainConfig
    timestep: int  # where the LDM is read, unless a trial says otherwise
    sets: Mapping[str, tuple[MaskedScenes, Sequence[Sample]]]
    quality: Mapping[str, Mapping[str, float | None]]  # of the generated sets' pictures and masks


def run_trial(trial: Trial, setting: Setting, folder: Path, command: str) -> dict[str, Any]:
    """The scores by set of a trial's network, and how they came about.

    The trained network and its checkpoints are written to a folder of the trial's name in `folder`.
    """
    own = folder / trial.name
    backbone = setting.backbone
    timestep = setting.timestep if trial.timestep is None else trial.timestep
    config = replace(setting.training, seed=trial.seed)
    if trial.learning_rate is not None:
        config = replace(config, learning_rate=trial.learning_rate)
    scenes = _masked_scenes(backbone, trial.masks, trial.seed, trial.absent)
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
        name: judge(network, backbone, prepared, asked, timestep=timestep)
        for name, (prepared, asked) in setting.sets.items()
    }
    if network.reading:
        for ablation in ("zeroed", "shuffled"):
            for name in ("photo", "novel"):
                prepared, asked = setting.sets[name]
                scores[f"{name}, features {ablation}"] = judge(
                    network, backbone, prepared, asked, timestep=timestep, ablation=ablation
                )
    save_half(network, own / "network")
    return {
        **origin(command),
        "trial": asdict(trial) | {"timestep": timestep, "fusion_share": share},
        "config": asdict(config),
        "phrases": len(scenes.rows),
        "generated": setting.quality,
        "training": asdict(result),
        "judging_seconds": round(time.monotonic() - start, 1),
        "scores": scores,
    }


@lru_cache(maxsize=1)  # trials that differ in the network alone follow each other
def _masked_scenes(backbone: LatentDiffusion, count: int, seed: int, absent: bool) -> MaskedScenes:
    samples = draw_samples(count, seed)
    return prepare_masked_scenes(
        backbone, [sample for sample in samples if absent or sample.kind != "absent"]
    )
