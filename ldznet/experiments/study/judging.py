"""How good one network is on one set of samples, and what its features are worth to it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch.nn import functional

from ldznet.backbone import LatentDiffusion
from ldznet.metrics import IntervalMetrics
from ldznet.networks import SegmentationNetwork
from ldznet.training.network import MaskedScenes
from ldznet.types import Encoding, Sample

BATCH = 16
NOISE_SEED = 0
THRESHOLD = 0.5

# What the LDM's features are replaced by: nothing, zeros, or those of another picture in the batch.
Ablation = Literal["none", "zeroed", "shuffled"]


@torch.no_grad()
def judge(
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
    counted: defaultdict[str, IntervalMetrics] = defaultdict(IntervalMetrics)
    alarms: list[float] = []
    for start in range(0, len(samples), BATCH):
        chosen = range(start, min(start + BATCH, len(samples)))
        encoding, masks = scenes.batch(list(chosen), backbone.device)
        if network.reading:
            noise = backbone.draw_noise(encoding.latents[:1].shape, NOISE_SEED)
            recording = backbone.read(
                encoding.latents, encoding.text, network.reading, timestep=timestep, noise=noise
            )
            encoding = replace(encoding, features=recording.features_at(timestep))
            encoding = _ablate(encoding, ablation)
        probability = network(encoding).float().sigmoid()
        probability = functional.interpolate(
            probability, masks.shape[-2:], mode="bilinear", antialias=True
        )
        for index, found in zip(chosen, probability[:, 0].cpu().numpy(), strict=True):
            sample = samples[index]
            if sample.mask.any():
                counted[sample.kind].update(found.clip(0, 1), sample.mask)
            else:
                alarms.append(float((found > THRESHOLD).mean()))
    result: dict[str, float | int] = {"phrases": len(samples)}
    if alarms:
        result["false_alarm"] = sum(alarms) / len(alarms)
    if counted:
        overall = IntervalMetrics()
        for metrics in counted.values():
            overall.merge(metrics)
        scores = overall.scores(THRESHOLD)
        result |= {
            "mean_iou": scores.mean_iou,
            "foreground_iou": scores.foreground_iou,
            "average_precision": scores.average_precision,
        }
        for kind in sorted(counted):
            result[f"mean_iou of {kind}"] = counted[kind].scores(THRESHOLD).mean_iou
    return result


def _ablate(encoding: Encoding, ablation: Ablation) -> Encoding:
    """The same encoding with its features zeroed, or those of the picture half a batch away."""
    if ablation == "zeroed":
        features = {block: torch.zeros_like(part) for block, part in encoding.features.items()}
    elif ablation == "shuffled":
        features = {
            block: part.roll(len(part) // 2, dims=0) for block, part in encoding.features.items()
        }
    else:
        return encoding
    return replace(encoding, features=features)
