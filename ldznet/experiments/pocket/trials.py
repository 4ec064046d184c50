"""Short trainings of the denoiser from nothing, equally long: what speaks for the recipe.

Those of five minutes differ in one thing each from the coarse stage of the recipe. All see scenes
of one large object, where that stage begins.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from ldznet.backbone.generation import draw_pictures
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import COARSE, FINE, Size, build_pocket
from ldznet.data.shapes import SPLITS, WORDS, Scene, caption, draw_scene, phrases
from ldznet.experiments.checking import FoundObject, SceneChecker, find_objects, load_checker
from ldznet.experiments.pocket.autoencoder import load_first_stage
from ldznet.experiments.pocket.diffusion import (
    CaptionedScenes,
    Denoiser,
    captioned_loss,
    new_denoiser,
    prepare_captioned_scenes,
)
from ldznet.experiments.pocket.recipe import RECIPE
from ldznet.experiments.pocket.scenes import SceneStore, open_scenes
from ldznet.experiments.processes import run_side_by_side
from ldznet.images import to_pixels
from ldznet.training.loop import TrainConfig, learning_rate_at

FIRST_STAGES = {COARSE.cells: "coarse-autoencoder", FINE.cells: "autoencoder"}
ONE_OBJECT = ((0.0, (1.0,)),)  # the curriculum
HELD_OUT = 320  # scenes whose noise is predicted
PROMPTS = 60  # the first of their captions, drawn and judged
BATCH = 20  # pictures drawn at a time
SEEDS = f"0 for weights and batches; validation scenes from {SPLITS['val'][0]} on, which seed noise"


@dataclass(frozen=True)
class Variant:
    """How one trial trains; by default as the recipe's coarse stage."""

    size: Size = COARSE
    batch_size: int = RECIPE.coarse_diffusion.batch_size
    learning_rate: float = RECIPE.coarse_diffusion.learning_rate
    optimizer: Literal["AdamW", "Muon"] = "AdamW"  # Muon: for the matrices, AdamW for the rest
    minutes: float = 5.0


_RATE = RECIPE.coarse_diffusion.learning_rate
_WIDE = replace(COARSE, channels=(48, 96, 192, 192), heads=(2, 3, 6, 6))
VARIANTS = {
    # Only pictures tell grids apart, and those take longest to be of anything.
    "16 x 16 latents": Variant(minutes=25),
    "32 x 32 latents, channels 16 to 128": Variant(FINE, minutes=25),
    "the coarse stage's": Variant(),
    "channels 16 to 128": Variant(replace(COARSE, channels=FINE.channels, heads=FINE.heads)),
    "channels 48 to 192": Variant(_WIDE),
    "batches of 16": Variant(batch_size=16),
    "batches of 64": Variant(batch_size=64),
    "half the rate": Variant(learning_rate=_RATE / 2),
    "twice the rate": Variant(learning_rate=_RATE * 2),
    "Muon for the matrices": Variant(optimizer="Muon"),
}


def run_trials(runs: Path, checker: Path, workers: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each variant with what its training came to, in order; so many at a time, of one thread each.

    `runs` holds the scenes and both first stages of the recipe, finished; raises ValueError if one
    is missing. The latents are encoded first, so that no trial waits for them.
    """
    for size in (COARSE, FINE):
        _prepare(size, runs)
    jobs = [(variant, runs, checker) for variant in VARIANTS.values()]
    with closing(run_side_by_side(_run, jobs, workers)) as results:
        yield from zip(VARIANTS, results, strict=True)


def _run(variant: Variant, runs: Path, checker: Path) -> dict[str, Any]:
    backbone, data, held_out = _prepare(variant.size, runs)
    steps = train_for(variant, backbone, data)
    return {
        "variant": asdict(variant),
        "parameters": sum(parameter.numel() for parameter in backbone.unet.parameters()),
        "samples": steps * variant.batch_size,
        "loss": held_out_loss(backbone, held_out),
        **judge(backbone, load_checker(checker), _held_out_scenes(PROMPTS)),
    }


def _prepare(size: Size, runs: Path) -> tuple[LatentDiffusion, CaptionedScenes, CaptionedScenes]:
    """A backbone untrained but for its first stage; the scenes to train on, and those held out."""
    folder = runs / FIRST_STAGES[size.cells]
    backbone = build_pocket(WORDS, size)
    backbone.vae = load_first_stage(folder)
    scenes = _held_out_scenes(HELD_OUT)
    held_out = SceneStore(
        [np.stack([scene.image for scene in scenes])],
        [caption(scene) for scene in scenes],
        [[phrase.text for phrase in phrases(scene)] for scene in scenes],
    )
    store = open_scenes(runs / "scenes", "single", RECIPE.scenes["single"])
    data = prepare_captioned_scenes(backbone, store, folder)
    return backbone, data, prepare_captioned_scenes(backbone, held_out, folder)


def train_for(variant: Variant, backbone: LatentDiffusion, data: CaptionedScenes) -> int:
    """Train the text encoder and the U-Net in place for `variant.minutes`; the number of steps.

    The rate rises and falls with the time as it does with the steps of a longer training.
    """
    denoiser = Accelerator(mixed_precision="bf16").prepare(new_denoiser(backbone))
    config = TrainConfig(
        steps=1000,  # thousandths of the time
        batch_size=variant.batch_size,
        learning_rate=variant.learning_rate,
        warm_up=50,
    )
    loss = captioned_loss(backbone, [data], config, ONE_OBJECT, inner_share=0.0)
    optimizers = new_optimizers(denoiser, variant)
    seconds = 60 * variant.minutes
    steps, started = 0, time.monotonic()
    while (spent := time.monotonic() - started) < seconds:
        rate = learning_rate_at(int(config.steps * spent / seconds), config)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss(denoiser, steps).backward()
        nn.utils.clip_grad_norm_(denoiser.parameters(), config.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        steps += 1
    denoiser.eval().requires_grad_(False)
    return steps


def new_optimizers(denoiser: nn.Module, variant: Variant) -> list[torch.optim.Optimizer]:
    """AdamW as in `training.loop`; Muon has the matrices, scaled to need the same rate."""
    decay = TrainConfig.weight_decay
    rest = dict(denoiser.named_parameters())
    optimizers: list[torch.optim.Optimizer] = []
    if variant.optimizer == "Muon":
        names = [name for name, each in rest.items() if each.ndim == 2 and "embedding" not in name]
        matrices = [rest.pop(name) for name in names]
        optimizers.append(
            torch.optim.Muon(matrices, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        )
    adam = torch.optim.AdamW(rest.values(), betas=(0.9, 0.99), weight_decay=decay, fused=True)
    return [*optimizers, adam]


@torch.no_grad()
def held_out_loss(backbone: LatentDiffusion, data: CaptionedScenes) -> float:
    """The loss of training on scenes that it never saw, the same noise for every variant."""
    config = TrainConfig(steps=1, batch_size=32, learning_rate=0.0, seed=1)
    loss = captioned_loss(backbone, [data], config, ONE_OBJECT, inner_share=0.0)
    denoiser = Denoiser(backbone)
    return fmean(float(loss(denoiser, step)) for step in range(10))


def judge(
    backbone: LatentDiffusion, checker: SceneChecker, scenes: Sequence[Scene]
) -> dict[str, float]:
    """How much of what the checker sees in pictures drawn from the scenes' captions was asked for.

    Mean shares of the area of all things seen in a picture, in [0, 1]: "colour" of those in the
    colour asked for, "thing" of those of the category, too. A young denoiser paints many things at
    once, so whether the right one is among them would say little.
    """
    colour, thing = [], []
    for start in range(0, len(scenes), BATCH):
        part = scenes[start : start + BATCH]
        captions = [caption(scene) for scene in part]
        pictures = draw_pictures(backbone, captions, seed=part[0].number, steps=20)
        for scene, found in zip(part, find_objects(checker, to_pixels(pictures)), strict=True):
            (asked,) = scene.objects
            alike = [each for each in found if each.colour == asked.colour]
            same = [each for each in alike if each.category == asked.category]
            seen = _area(found) or 1
            colour.append(_area(alike) / seen)
            thing.append(_area(same) / seen)
    return {"colour": fmean(colour), "thing": fmean(thing)}


def _area(things: Iterable[FoundObject]) -> int:
    return sum(int(each.mask.sum()) for each in things)


def _held_out_scenes(count: int) -> list[Scene]:
    """The first validation scenes of one object, all styles mixed."""
    first = SPLITS["val"][0]
    return [draw_scene(number, None, "single") for number in range(first, first + count)]
