"""Short trainings of the denoiser from nothing, equally long: what speaks for the recipe.

Those of five minutes differ in one thing each from the coarse stage of the recipe. All see scenes
of one large object, where that stage begins.
"""

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import COARSE, FINE, Size, build_pocket
from ldznet.data.shapes import SPLITS, WORDS, Scene, caption, draw_scene, phrases
from ldznet.experiments.checker import DetectedObject, SceneChecker, load_checker
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
from ldznet.experiments.samples import draw_and_detect
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.training.loop import TrainConfig, learning_rate_at, new_accelerator

FIRST_STAGES = {COARSE.cells: "coarse-autoencoder", FINE.cells: "autoencoder"}
ONE_OBJECT = ((0.0, (1.0,)),)  # the curriculum
HELD_OUT = 320  # scenes whose noise is predicted
PROMPTS = 60  # the first of their captions, drawn and judged
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment trials`."""
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/pocket"), help="with scenes and both first stages"
    )
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, judge, write after each; raises ValueError with one sentence."""
    check_result_path(arguments.output)
    trials = {}
    every = train_variants(arguments.runs, arguments.checker, arguments.workers)
    for name, trained in tqdm(every, total=len(VARIANTS), disable=None):
        trials[name] = trained
        tqdm.write(
            f"{name}: {trained['samples']} samples, loss {trained['loss']:.4f}, colour "
            f"{100 * trained['colour']:.0f} %, thing {100 * trained['thing']:.0f} %"
        )
        write_result(arguments.output, command_line(arguments), {"seeds": SEEDS, "trials": trials})
    print(f"Written to {arguments.output}")


def train_variants(runs: Path, checker: Path, workers: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each variant with what its training came to, in order; so many at a time, of one thread each.

    `runs` holds the scenes and both first stages of the recipe, finished; raises ValueError if one
    is missing. The latents are encoded first, so that no trial waits for them.
    """
    for size in (COARSE, FINE):
        _prepare(size, runs)
    jobs = [(variant, runs, checker) for variant in VARIANTS.values()]
    with closing(run_side_by_side(_train_variant, jobs, workers)) as results:
        yield from zip(VARIANTS, results, strict=True)


def _train_variant(variant: Variant, runs: Path, checker: Path) -> dict[str, Any]:
    backbone, data, held_out = _prepare(variant.size, runs)
    steps = train_for(variant, backbone, data)
    return {
        "variant": asdict(variant),
        "parameters": sum(parameter.numel() for parameter in backbone.unet.parameters()),
        "samples": steps * variant.batch_size,
        "loss": held_out_loss(backbone, held_out),
        **score_drawings(backbone, load_checker(checker), _held_out_scenes(PROMPTS)),
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
    denoiser = new_accelerator().prepare(new_denoiser(backbone))
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


def score_drawings(
    backbone: LatentDiffusion, checker: SceneChecker, scenes: Sequence[Scene]
) -> dict[str, float]:
    """How much of what the checker detects in pictures from the scenes' captions they name.

    Mean shares of the area of all things in a picture, in [0, 1]: "colour" of those in the colour
    named, "thing" of those of the category, too. A young denoiser paints many things at once, so
    whether the right one is among them would say little.
    """
    colour, thing = [], []
    for part, _, detected in draw_and_detect(backbone, checker, scenes, steps=20):
        for scene, objects in zip(part, detected, strict=True):
            (named,) = scene.objects
            alike = [each for each in objects if each.colour == named.colour]
            same = [each for each in alike if each.category == named.category]
            whole = _area(objects) or 1
            colour.append(_area(alike) / whole)
            thing.append(_area(same) / whole)
    return {"colour": fmean(colour), "thing": fmean(thing)}


def _area(things: Iterable[DetectedObject]) -> int:
    return sum(int(each.mask.sum()) for each in things)


def _held_out_scenes(count: int) -> list[Scene]:
    """The first validation scenes of one object, all styles mixed."""
    first = SPLITS["val"][0]
    return [draw_scene(number, None, "single") for number in range(first, first + count)]
