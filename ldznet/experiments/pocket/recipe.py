"""The whole recipe of pocket, from nothing to the weights under assets: `make pocket`.

Stages, each resumable at any moment and skipped once done: draw scenes, train a coarse first stage,
train the text encoder and a coarse U-Net together, grow both to twice the latents along a side and
train them on, train the checker of samples, train the networks at equal budgets. A stage is shared
by N processes when started by `torchrun --nproc-per-node N -m ldznet experiment pocket`.
"""

import argparse
import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import COARSE, FINE, PatchAutoencoder, Size, build_pocket
from ldznet.data.shapes import WORDS
from ldznet.experiments.checker import SceneChecker
from ldznet.experiments.pocket.autoencoder import (
    load_first_stage,
    normalise_latents,
    stored_crops,
    train_autoencoder,
)
from ldznet.experiments.pocket.checker import draw_labelled_scenes, train_checker
from ldznet.experiments.pocket.diffusion import Curriculum, train_diffusion
from ldznet.experiments.pocket.growing import halve_patch, nest
from ldznet.experiments.pocket.scenes import draw_masked_samples, draw_scenes, open_scenes
from ldznet.networks import NETWORKS, load_network
from ldznet.results.records import command_line, write_result
from ldznet.training.dataset import prepare_masked_scenes
from ldznet.training.loop import TrainConfig, TrainResult, save_half
from ldznet.training.network import new_network, timesteps_around, train_network

ASSETS = Path(__file__).parents[3] / "assets"
STAGES = (  # and then each network's name
    "scenes",
    "coarse-autoencoder",
    "coarse-diffusion",
    "autoencoder",
    "diffusion",
    "checker",
)

PROMPTS = (
    "a photo of a red ball", "a photo of a blue star", "a photo of a green tree",
    "a photo of a yellow car", "a photo of a purple house", "a photo of a pink fish",
    "a photo of a white cup", "a photo of an orange mushroom",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Everything that decides pocket's weights, besides chance."""

    scenes: dict[str, int]  # by difficulty, for the coarse models
    coarse_autoencoder: TrainConfig
    coarse_diffusion: TrainConfig
    coarse_curriculum: Curriculum
    fine_scenes: dict[str, int]  # the first of `scenes`
    autoencoder: TrainConfig
    diffusion: TrainConfig
    curriculum: Curriculum
    inner_share: float  # of the steps: only blocks 5 to 10 read words
    checker: TrainConfig
    checker_scenes: int
    network: TrainConfig
    mask_scenes: int  # photo-style scenes with masks, all that the networks ever see
    feature_timestep: int  # where they read the LDM


RECIPE = Recipe(
    scenes={"single": 20_000, "pair": 30_000, "full": 30_000},
    coarse_autoencoder=TrainConfig(
        steps=3000, batch_size=32, learning_rate=2e-3, weight_decay=1e-4, decay_from=0.55,
        average=0.998,
    ),
    coarse_diffusion=TrainConfig(
        steps=13_000, batch_size=32, learning_rate=1.2e-3, decay_from=0.88, checkpoint_every=500,
        preview_every=2500,
    ),
    # One large object first: a small trial learned about twice as fast with it as without.
    coarse_curriculum=(
        (0.00, (1.00, 0.00, 0.00)), (0.19, (0.40, 0.60, 0.00)), (0.48, (0.20, 0.40, 0.40)),
    ),
    fine_scenes={"single": 10_000, "pair": 20_000, "full": 20_000},
    autoencoder=TrainConfig(
        steps=900, batch_size=32, learning_rate=1.2e-3, weight_decay=1e-4, warm_up=50,
        decay_from=0.4, average=0.99, checkpoint_every=150, preview_every=450,
    ),
    diffusion=TrainConfig(
        steps=6000, batch_size=32, learning_rate=1.5e-3, warm_up=100, decay_from=0.65,
        average=0.999, preview_every=500,
    ),
    curriculum=((0.0, (0.3, 0.4, 0.3)),),
    inner_share=0.3,
    checker=TrainConfig(
        steps=3000, batch_size=32, learning_rate=2e-3, decay_from=0.4, average=0.998,
    ),
    checker_scenes=16_000,
    network=TrainConfig(
        steps=800, batch_size=16, learning_rate=1e-3, warm_up=50, average=0.995, preview_every=400,
    ),
    mask_scenes=8000,
    feature_timestep=400,
)  # fmt: skip

FIRST_STAGE_SCENES = 3000  # of each difficulty: enough for crops, and they stay in memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment pocket`."""
    stages = [*STAGES, *NETWORKS]
    parser.add_argument(
        "--stages",
        nargs="+",
        choices=stages,
        default=stages,
        metavar="STAGE",
        help=f"of {', '.join(stages)}; by default all",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/pocket"), help="unfinished work")
    parser.add_argument("--output", type=Path, default=ASSETS, help="where finished weights go")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="drawing processes")
    parser.add_argument(
        "--continue-from", type=Path, help="finished weights to start from: a folder like assets"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the stages in order; raises ValueError where one needs what is not there yet."""
    torch.manual_seed(0)
    runs, output, stages = arguments.runs, arguments.output, arguments.stages
    command, earlier = command_line(arguments), arguments.continue_from
    if "scenes" in stages:
        draw_scenes(runs / "scenes", RECIPE.scenes, arguments.workers)
    if "coarse-autoencoder" in stages:
        _train_first_stage(runs, "coarse-autoencoder", _new_backbone(COARSE).vae, command)
    if "coarse-diffusion" in stages:
        _train_coarse_diffusion(runs, command)
    if "autoencoder" in stages:
        coarse = load_first_stage(runs / "coarse-autoencoder").to(_device())
        _train_first_stage(runs, "autoencoder", halve_patch(coarse), command)
    if "diffusion" in stages:
        _train_diffusion(runs, output / "pocket", earlier, command)
    if "checker" in stages:
        _train_checker(runs, output / "checker", command)
    for name in NETWORKS:
        if name in stages:
            _train_network(name, runs, output, earlier, command)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _new_backbone(size: Size) -> LatentDiffusion:
    backbone = build_pocket(WORDS, size)
    for part in (backbone.vae, backbone.unet, backbone.text_encoder):
        part.to(_device())
    return backbone


def _train_first_stage(runs: Path, name: str, vae: PatchAutoencoder, command: str) -> None:
    """A first stage alone, saved with its scale among the unfinished work."""
    stores = [
        open_scenes(runs / "scenes", difficulty, min(count, FIRST_STAGE_SCENES))
        for difficulty, count in RECIPE.scenes.items()
    ]
    config = RECIPE.autoencoder if name == "autoencoder" else RECIPE.coarse_autoencoder
    draw = stored_crops(stores, config)
    result = train_autoencoder(vae.to(_device()), draw, stores[-1].first(12), config, runs / name)
    normalise_latents(vae, stores[-1].first(500))
    save_half(vae, runs / name / "vae")
    write_card(runs / name, command, config, result, {})


def _train_coarse_diffusion(runs: Path, command: str) -> None:
    """The text encoder and the coarse U-Net, kept among the unfinished work."""
    backbone = _new_backbone(COARSE)
    backbone.vae = load_first_stage(runs / "coarse-autoencoder").to(_device())
    folder = runs / "coarse-diffusion"
    stores = [open_scenes(runs / "scenes", name, count) for name, count in RECIPE.scenes.items()]
    result = train_diffusion(
        backbone, stores, RECIPE.coarse_diffusion, folder, PROMPTS, RECIPE.coarse_curriculum, 0.0
    )
    save_half(backbone.unet, folder / "unet")
    save_half(backbone.text_encoder, folder / "text_encoder")
    data = f"drawn world, captions only, all styles: {RECIPE.scenes}"
    write_card(folder, command, RECIPE.coarse_diffusion, result, {"data": data})


def _train_diffusion(runs: Path, output: Path, continue_from: Path | None, command: str) -> None:
    """The text encoder and the U-Net on the finished first stage; writes the whole backbone."""
    data = f"drawn world, captions only, all styles: {RECIPE.fine_scenes}"
    history: dict[str, Any] = {"data": data}
    if continue_from:
        backbone = LatentDiffusion.from_pretrained(continue_from / "pocket", device=_device())
        history["start"] = json.loads((continue_from / "pocket" / "card.json").read_text())
    else:
        backbone = _new_backbone(FINE)
        backbone.vae = load_first_stage(runs / "autoencoder").to(_device())
        _start_from_coarse(backbone, runs / "coarse-diffusion")
        history["coarse"] = json.loads((runs / "coarse-diffusion" / "card.json").read_text())
        for name in ("coarse-autoencoder", "autoencoder"):
            history[name] = json.loads((runs / name / "card.json").read_text())
    stores = [
        open_scenes(runs / "scenes", name, count) for name, count in RECIPE.fine_scenes.items()
    ]
    result = train_diffusion(
        backbone,
        stores,
        RECIPE.diffusion,
        runs / "diffusion",
        PROMPTS,
        RECIPE.curriculum,
        RECIPE.inner_share,
    )
    for part in ("vae", "unet", "text_encoder"):
        save_half(getattr(backbone, part), output / part)
    backbone.tokenizer.save_pretrained(output / "tokenizer")
    backbone.scheduler.save_pretrained(output / "scheduler")
    write_card(output, command, RECIPE.diffusion, result, history)


def _start_from_coarse(backbone: LatentDiffusion, folder: Path) -> None:
    if not (folder / "card.json").exists():
        raise ValueError("There is no coarse U-Net yet; run the stage 'coarse-diffusion' before.")
    coarse = type(backbone.unet).from_pretrained(folder / "unet", dtype=torch.float32)
    nest(coarse, backbone.unet)
    text_encoder = type(backbone.text_encoder).from_pretrained(
        folder / "text_encoder", dtype=torch.float32
    )
    backbone.text_encoder.load_state_dict(text_encoder.state_dict())


def _train_checker(runs: Path, output: Path, command: str) -> None:
    """The judge of samples; `samples` measures how good it is on scenes it never saw."""
    torch.manual_seed(RECIPE.checker.seed)
    checker = SceneChecker().to(_device())
    scenes = draw_labelled_scenes(RECIPE.checker_scenes)
    result = train_checker(checker, scenes, RECIPE.checker, runs / "checker")
    save_half(checker, output)
    data = f"drawn world, all styles and difficulties: {RECIPE.checker_scenes} scenes"
    write_card(output, command, RECIPE.checker, result, {"data": data})


def _train_network(
    name: str, runs: Path, output: Path, continue_from: Path | None, command: str
) -> None:
    """One network, started from the backbone's U-Net wherever shapes match, or continued."""
    backbone = LatentDiffusion.from_pretrained(output / "pocket", device=_device())
    scenes = prepare_masked_scenes(backbone, draw_masked_samples(RECIPE.mask_scenes))
    timesteps = timesteps_around(RECIPE.feature_timestep)
    if continue_from:
        network = load_network(continue_from / "networks" / "pocket" / name)
        # It is read as it was saved, in half precision, in which nothing can be trained.
        network.to(_device(), torch.float32, memory_format=torch.channels_last)
    else:
        network = new_network(name, backbone, scenes, timesteps, seed=RECIPE.network.seed)
    result = train_network(network, backbone, scenes, RECIPE.network, runs / name, timesteps)
    folder = output / "networks" / "pocket" / name
    save_half(network, folder)
    write_card(
        folder,
        command,
        RECIPE.network,
        result,
        {
            "data": f"drawn world, photo style only, {RECIPE.mask_scenes} scenes with masks",
            "backbone": "pocket",
            "start": "earlier weights"
            if continue_from
            else "the backbone's U-Net wherever shapes match",
        },
    )


def write_card(
    folder: Path, command: str, config: TrainConfig, result: TrainResult, about: Mapping[str, Any]
) -> None:
    """What was trained on what, for how long, where, and by which command; by one process."""
    if PartialState().is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        card = {
            **about,
            "config": dataclasses.asdict(config),
            "result": dataclasses.asdict(result),
        }
        write_result(folder / "card.json", command, card)
