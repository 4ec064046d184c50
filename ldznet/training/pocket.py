"""The whole recipe of pocket, from nothing to the weights under assets: `make pocket`.

Stages, each resumable at any moment and skipped once done: draw scenes, train the first stage,
train the text encoder and the U-Net together, train the three networks at equal budgets.
"""

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import ModelMixin

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import build_pocket
from ldznet.data.shapes import WORDS
from ldznet.networks import NETWORKS, SegmentationNetwork, load_network
from ldznet.provenance import origin
from ldznet.training.autoencoder import normalise_latents, train_autoencoder
from ldznet.training.diffusion import train_diffusion
from ldznet.training.loop import TrainConfig, TrainResult
from ldznet.training.scenes import draw_scenes, open_scenes
from ldznet.training.segmentation import draw_samples, prepare_masked_scenes, train_network

ASSETS = Path(__file__).parents[2] / "assets"
STAGES = ("scenes", "autoencoder", "diffusion", *NETWORKS)

PROMPTS = (
    "a photo of a red ball", "a photo of a blue star", "a photo of a green tree",
    "a photo of a yellow car", "a photo of a purple house", "a photo of a pink fish",
    "a photo of a white cup", "a photo of an orange mushroom",
)  # fmt: skip

FIRST_STAGE_SCENES = 3000  # of each difficulty: enough for crops, and they stay in memory


@dataclass(frozen=True)
class Recipe:
    """Everything that decides pocket's weights, besides chance."""

    scenes: dict[str, int]
    autoencoder: TrainConfig
    diffusion: TrainConfig
    network: TrainConfig
    mask_scenes: int  # photo-style scenes with masks, all that the networks ever see


RECIPE = Recipe(
    scenes={"single": 20_000, "pair": 30_000, "full": 30_000},
    autoencoder=TrainConfig(
        steps=3000, batch_size=32, learning_rate=2e-3, weight_decay=1e-4, decay_from=0.55,
        average=0.998,
    ),
    diffusion=TrainConfig(
        steps=31_250, batch_size=32, learning_rate=1.2e-3, checkpoint_every=500, preview_every=2500,
    ),
    network=TrainConfig(
        steps=1200, batch_size=16, learning_rate=7e-4, warm_up=50, average=0.998, preview_every=300,
    ),
    mask_scenes=4000,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stages in order; `--stages` picks some, `--runs` says where unfinished work lives."""
    parser = argparse.ArgumentParser(prog="python -m ldznet.training.pocket", description=__doc__)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--runs", type=Path, default=Path("runs/pocket"), help="unfinished work")
    parser.add_argument("--output", type=Path, default=ASSETS, help="where finished weights go")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="drawing processes")
    parser.add_argument(
        "--continue-from", type=Path, help="finished weights to start from: a folder like assets"
    )
    options = parser.parse_args(arguments)
    try:
        _run_stages(options)
    except ValueError as error:
        raise SystemExit(f"ldznet: {error}") from error


def _run_stages(options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    stages = [stage for stage in STAGES if stage in options.stages]
    if "scenes" in stages:
        draw_scenes(options.runs / "scenes", RECIPE.scenes, options.workers)
    if "autoencoder" in stages:
        _train_first_stage(options.runs, options.continue_from)
    if "diffusion" in stages:
        _train_diffusion(options.runs, options.output / "pocket", options.continue_from)
    for name in NETWORKS:
        if name in stages:
            _train_network(name, options.runs, options.output, options.continue_from)


def _start(continue_from: Path | None) -> LatentDiffusion:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if continue_from:
        return LatentDiffusion.from_pretrained(continue_from / "pocket", device=device)
    backbone = build_pocket(WORDS)
    for part in (backbone.vae, backbone.unet, backbone.text_encoder):
        part.to(device)
    return backbone


def _train_first_stage(runs: Path, continue_from: Path | None) -> None:
    """The first stage alone, saved with its scale among the unfinished work."""
    backbone = _start(continue_from)
    stores = [
        open_scenes(runs / "scenes", name, min(count, FIRST_STAGE_SCENES))
        for name, count in RECIPE.scenes.items()
    ]
    folder = runs / "autoencoder"
    result = train_autoencoder(backbone.vae, stores, RECIPE.autoencoder, folder)
    normalise_latents(backbone.vae, stores[-1])
    _save_half(backbone.vae, folder / "vae")
    _write_card(folder / "card.json", RECIPE.autoencoder, result, {})


def _train_diffusion(runs: Path, output: Path, continue_from: Path | None) -> None:
    """The text encoder and the U-Net on the finished first stage; writes the whole backbone."""
    backbone = _start(continue_from)
    first_stage = runs / "autoencoder"
    if trained_here := (first_stage / "card.json").exists():
        vae = type(backbone.vae).from_pretrained(
            first_stage / "vae", dtype=torch.float32, use_safetensors=True
        )
        backbone.vae = vae.requires_grad_(False).eval().to(backbone.device)
        origin = first_stage
    elif continue_from:
        origin = continue_from / "pocket"
    else:
        raise ValueError("There is no first stage yet; run the stage 'autoencoder' before.")
    card = json.loads((origin / "card.json").read_text())
    stores = [open_scenes(runs / "scenes", name, count) for name, count in RECIPE.scenes.items()]
    result = train_diffusion(backbone, stores, RECIPE.diffusion, runs / "diffusion", PROMPTS)
    for part in ("vae", "unet", "text_encoder"):
        _save_half(getattr(backbone, part), output / part)
    backbone.tokenizer.save_pretrained(output / "tokenizer")
    backbone.scheduler.save_pretrained(output / "scheduler")
    _write_card(
        output / "card.json",
        RECIPE.diffusion,
        result,
        {
            "data": f"drawn world, captions only, all styles: {RECIPE.scenes}",
            "first_stage": card if trained_here else card["first_stage"],
        },
    )


def _train_network(name: str, runs: Path, output: Path, continue_from: Path | None) -> None:
    """One network, started from the backbone's U-Net wherever shapes match, or continued."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone = LatentDiffusion.from_pretrained(output / "pocket", device=device)
    if continue_from:
        network = load_network(continue_from / "networks" / "pocket" / name)
    else:
        network = _new_network(name, backbone)
    network.to(device, memory_format=torch.channels_last)
    scenes = prepare_masked_scenes(backbone, draw_samples(RECIPE.mask_scenes))
    result = train_network(network, backbone, scenes, RECIPE.network, runs / name)
    folder = output / "networks" / "pocket" / name
    _save_half(network, folder)
    _write_card(
        folder / "card.json",
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


def _new_network(name: str, backbone: LatentDiffusion) -> SegmentationNetwork:
    unet = backbone.unet.config
    torch.manual_seed(RECIPE.network.seed)
    network = NETWORKS[name](
        block_out_channels=unet.block_out_channels,
        cross_attention_dim=unet.cross_attention_dim,
        attention_head_dim=unet.attention_head_dim,
        norm_num_groups=unet.norm_num_groups,
        sample_size=unet.sample_size,
        factor=backbone.factor,
    )
    network.initialise_from(backbone.unet)
    return network


def _save_half(model: ModelMixin, folder: Path) -> None:
    """Safetensors in half precision; the model itself keeps its own precision."""
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    dtype = next(model.parameters()).dtype
    model.half().save_pretrained(folder, safe_serialization=True)
    model.to(dtype).load_state_dict(kept)


def _write_card(path: Path, config: TrainConfig, result: TrainResult, more: dict) -> None:
    """What was trained on what, for how long, where, and by which command."""
    card = {
        **more,
        **origin("python -m ldznet.training.pocket"),
        "config": dataclasses.asdict(config),
        "result": dataclasses.asdict(result),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
