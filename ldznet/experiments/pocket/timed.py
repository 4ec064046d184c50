"""Pocket trained from nothing within minutes, on one GPU: `--recipe gpu --seconds 530`.

Stages end by the clock. Scenes are drawn by the processor's cores all along; the checker and the
networks' scenes are prepared beside the backbone. The output folder holds, from the first minutes
on, packed weights that work; whatever stops the run, the last of them are whole.
"""

import argparse
import copy
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ldznet.backbone.generation import draw_pictures
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.pocket import COARSE, FINE, Size, build_pocket
from ldznet.checkpoints.schedule import build_scheduler
from ldznet.data.shapes import DENSE_TOKENS, DENSE_WORDS
from ldznet.experiments.checker import SceneChecker
from ldznet.experiments.pocket.autoencoder import normalise_latents, train_autoencoder
from ldznet.experiments.pocket.checker import draw_labelled_scenes, train_checker
from ldznet.experiments.pocket.diffusion import Curriculum, new_denoiser
from ldznet.experiments.pocket.growing import halve_patch, nest
from ldznet.experiments.pocket.packing import pack
from ldznet.experiments.pocket.recipe import PROMPTS, write_card
from ldznet.experiments.pocket.scenes import draw_masked_samples
from ldznet.experiments.pocket.stream import SceneStream, Vocabulary, streamed_loss
from ldznet.experiments.processes import side_processes
from ldznet.networks import NETWORKS
from ldznet.results.records import command_line
from ldznet.training.dataset import prepare_masked_scenes
from ldznet.training.loop import TrainConfig, TrainResult, save_half, train
from ldznet.training.network import new_network, timesteps_around, train_network

ENDLESS = 1_000_000  # steps that no training reaches: the clock ends it
SEE_EVERY = 60.0  # seconds between two states of the denoiser that are kept
PATIENCE = 0.25  # seconds between two looks for what another process is to leave

Side = Callable[..., AbstractContextManager[Callable[..., Future]]]  # see `side_processes`


def _timed(batch_size: int, rate: float, **others: Any) -> TrainConfig:
    return TrainConfig(
        steps=ENDLESS,
        batch_size=batch_size,
        learning_rate=rate,
        preview_every=ENDLESS,
        checkpoint_every=500,  # steps between two looks whether it diverges
        **others,
    )


@dataclass(frozen=True)
class TimedRecipe:
    """Everything that decides the weights, besides chance and the machine's speed."""

    ends: Mapping[str, float]  # share of all seconds at which a stage ends
    coarse: Size
    fine: Size
    scenes: int  # of the backbone, at most; as many as are drawn in time
    shard: int  # of them drawn at a time
    first_scenes: int  # with which training begins
    autoencoder: TrainConfig  # for both grids
    coarse_diffusion: TrainConfig
    coarse_curriculum: Curriculum
    diffusion: TrainConfig
    curriculum: Curriculum
    checker: TrainConfig
    checker_scenes: int
    crowded: float  # share of them that have things laid over theirs
    network: TrainConfig
    mask_scenes: int
    feature_timestep: int
    probing: float  # share of the networks' time that tells how many steps all can take
    prompts: Sequence[str]  # of the sheet
    sampler_steps: int  # with which the sheet is drawn


GPU = TimedRecipe(
    ends={
        "coarse-autoencoder": 0.11,
        "coarse-diffusion": 0.31,
        "autoencoder": 0.38,
        "diffusion": 0.77,
        "checker": 0.70,  # beside the others
        "networks": 0.97,
    },
    coarse=replace(COARSE, text_tokens=DENSE_TOKENS),
    fine=replace(FINE, text_tokens=DENSE_TOKENS),
    scenes=250_000,
    shard=240,
    first_scenes=4000,
    autoencoder=_timed(256, 2e-3, weight_decay=1e-4, decay_from=0.5, average=0.998),
    coarse_diffusion=_timed(256, 1.5e-3, decay_from=0.7, preview_seconds=SEE_EVERY),
    # One large object first, as the other recipe has it.
    coarse_curriculum=((0.0, (0.8, 0.2, 0.0)), (0.2, (0.3, 0.5, 0.2))),
    diffusion=_timed(256, 1.5e-3, decay_from=0.6, preview_seconds=SEE_EVERY),
    curriculum=((0.0, (0.25, 0.5, 0.25)),),
    checker=_timed(64, 2e-3, decay_from=0.4, average=0.998),
    checker_scenes=20_000,
    crowded=0.5,
    network=_timed(64, 1.5e-3, average=0.998),
    mask_scenes=8000,
    feature_timestep=400,
    probing=0.1,
    prompts=PROMPTS,
    sampler_steps=30,
)


@dataclass(frozen=True)
class Clock:
    """The wall time of a run, also for processes that joined later."""

    started: float
    seconds: float

    def left(self, share: float = 1.0) -> float:
        """Seconds until this share of all is over, a moment at least."""
        return max(0.1, self.started + share * self.seconds - time.time())


@dataclass(frozen=True)
class Work:
    """What every process of a run is to know."""

    recipe: TimedRecipe
    clock: Clock
    runs: Path
    output: Path
    command: str

    def log(self, line: str) -> None:
        """A line for who watches, and for later."""
        stamp = f"{time.time() - self.clock.started:6.1f} s, {self.clock.left():5.1f} left"
        print(f"{stamp}: {line}", flush=True)
        with (self.output / "log.txt").open("a") as log:
            log.write(f"{stamp}: {line}\n")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage that may fail: the others go on with what there is."""
        self.log(f"{name}: begins")
        try:
            yield
            self.log(f"{name}: done")
        except Exception as error:
            with (self.output / "log.txt").open("a") as log:
                log.write(traceback.format_exc())
            self.log(f"{name}: failed: {error}")

    def wait_for(self, name: str, share: float) -> bool:
        """Wait for a file among the unfinished work, until this share of the time is over."""
        while not (self.runs / name).exists():
            if self.clock.left(share) <= PATIENCE:
                return False
            time.sleep(PATIENCE)
        return True


def run(arguments: argparse.Namespace) -> None:
    """Train everything within `arguments.seconds` and leave it packed in `arguments.output`."""
    clock = Clock(time.time(), arguments.seconds)
    runs = arguments.runs / f"timed-{int(clock.started)}"  # nothing here is ever resumed
    work = Work(GPU, clock, runs, arguments.output, command_line(arguments))
    train_all(work, workers=max(1, arguments.workers - len(NETWORKS) - 2))


def train_all(work: Work, *, workers: int, side: Side = side_processes) -> None:
    """All stages, `workers` processes drawing; `side` starts the processes beside this one."""
    torch.manual_seed(0)
    recipe = work.recipe
    work.output.mkdir(parents=True, exist_ok=True)
    work.runs.mkdir(parents=True, exist_ok=True)
    prepare_device()
    with side(workers, 10) as begin, side(1 + len(NETWORKS)) as beside:
        coarse = _new_backbone(recipe.coarse)
        scenes = SceneStream(
            begin,
            Vocabulary.of(coarse.tokenizer),
            recipe.scenes,
            recipe.shard,
            2 * workers,
            coarse.device,
        )
        jobs = [beside(_make_checker, work)]
        jobs += [beside(_make_network, work, name) for name in NETWORKS]
        scenes.take(at_least=recipe.first_scenes)
        work.log(f"{scenes.count} scenes are drawn")
        history: dict[str, Any] = {}
        with work.stage("coarse-autoencoder"):
            history["coarse-autoencoder"] = _train_first_stage(
                work, "coarse-autoencoder", coarse, scenes
            )
        with work.stage("coarse-diffusion"):
            _denoise(work, "coarse-diffusion", coarse, scenes, history)
        fine = _new_backbone(recipe.fine)
        with work.stage("autoencoder"):
            fine.vae = halve_patch(coarse.vae).to(fine.device)
            scenes.encode_with(None)
            history["autoencoder"] = _train_first_stage(work, "autoencoder", fine, scenes)
        with work.stage("diffusion"):
            nest(coarse.unet, fine.unet)
            fine.text_encoder.load_state_dict(coarse.text_encoder.state_dict())
            _denoise(work, "diffusion", fine, scenes, history)
        (work.runs / "backbone-done").touch()
        del scenes
        for job in jobs:
            with work.stage("the processes beside"):
                job.result()
        work.log("all done")


def prepare_device() -> torch.device:
    """The device to train on, set to be fast; every process does this for itself."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _new_backbone(size: Size) -> LatentDiffusion:
    scheduler = build_scheduler("v_prediction", rescale_betas_zero_snr=True)
    backbone = build_pocket(DENSE_WORDS, size, scheduler=scheduler)
    device = prepare_device()
    backbone.vae.to(device, memory_format=torch.channels_last)
    backbone.unet.to(device, memory_format=torch.channels_last)
    backbone.text_encoder.to(device)
    return backbone


def _train_first_stage(
    work: Work, name: str, backbone: LatentDiffusion, scenes: SceneStream
) -> dict[str, Any]:
    """What came of it, for the card; the first stage then has latents of deviation 1."""
    config = replace(work.recipe.autoencoder, seconds=work.clock.left(work.recipe.ends[name]))
    shown = scenes.pictures[:500].cpu().numpy()[: scenes.count]
    result = train_autoencoder(
        backbone.vae,
        lambda step: scenes.crops(step, config.batch_size, config.seed),
        shown[:12],
        config,
        work.runs / name,
        work.log,
    )
    normalise_latents(backbone.vae, shown)
    return {"result": vars(result)}


def _denoise(
    work: Work, name: str, backbone: LatentDiffusion, scenes: SceneStream, history: dict[str, Any]
) -> None:
    """Train text encoder and U-Net, keeping the whole backbone now and then, and at the end.

    If it fails, the backbone is what was kept last.
    """
    recipe, coarse = work.recipe, name.startswith("coarse")
    scenes.encode_with(backbone)
    config = replace(
        recipe.coarse_diffusion if coarse else recipe.diffusion,
        seconds=work.clock.left(recipe.ends[name]),
    )
    curriculum = recipe.coarse_curriculum if coarse else recipe.curriculum
    started = time.monotonic()
    seconds = config.seconds
    assert seconds is not None
    recent: deque[Tensor] = deque(maxlen=100)

    def passed() -> float:
        return (time.monotonic() - started) / seconds

    draw_loss = streamed_loss(backbone, scenes, config.batch_size, config.seed, curriculum, passed)

    def loss(model: nn.Module, step: int) -> Tensor:
        value = draw_loss(model, step)
        recent.append(value.detach())
        return value

    def keep(step: int) -> None:
        kept.append(step)
        result = TrainResult(
            steps=step,
            samples=step * config.batch_size,
            seconds=round(time.monotonic() - started, 1),
            loss=float(torch.stack(list(recent)).mean()),
        )
        data = f"drawn world, captions only, all styles: {scenes.count} scenes"
        history[name] = {"result": vars(result)}
        _keep_backbone(work, backbone, config, result, {"data": data, **history})

    kept: list[int] = []
    try:
        train(name, new_denoiser(backbone), loss, config, work.runs / name, keep, log=work.log)
    except Exception:
        if kept:
            last = LatentDiffusion.from_pretrained(work.runs / "backbone", device=backbone.device)
            backbone.unet.load_state_dict(last.unet.state_dict())
            backbone.text_encoder.load_state_dict(last.text_encoder.state_dict())
        raise
    finally:
        for part in (backbone.unet, backbone.text_encoder):
            part.eval().requires_grad_(False)


def _keep_backbone(
    work: Work,
    backbone: LatentDiffusion,
    config: TrainConfig,
    result: TrainResult,
    about: dict[str, Any],
) -> None:
    folder = work.runs / "backbone"
    for part in ("vae", "unet", "text_encoder"):
        save_half(getattr(backbone, part), folder / part)
    backbone.tokenizer.save_pretrained(folder / "tokenizer")
    backbone.scheduler.save_pretrained(folder / "scheduler")
    write_card(folder, work.command, config, result, about)
    pack(work.output / "backbone.zip", {"pocket": folder})
    pictures = draw_pictures(backbone, work.recipe.prompts, steps=work.recipe.sampler_steps)
    Image.fromarray(np.hstack(list(pictures))).save(work.runs / "samples.png")
    (work.runs / "samples.png").replace(work.output / "samples.png")


def _make_checker(work: Work) -> None:
    """Beside the backbone, with which it has nothing in common."""
    recipe = work.recipe
    with work.stage("checker"):
        device = prepare_device()
        scenes = draw_labelled_scenes(recipe.checker_scenes, recipe.crowded)
        torch.manual_seed(recipe.checker.seed)
        checker = SceneChecker().to(device)
        config = replace(recipe.checker, seconds=work.clock.left(recipe.ends["checker"]))
        result = train_checker(checker, scenes, config, work.runs / "checker", work.log)
        folder = work.runs / "checker" / "weights"
        save_half(checker, folder)
        data = (
            f"drawn world, all styles and difficulties: {recipe.checker_scenes} scenes, "
            f"{100 * recipe.crowded:.0f} % with things laid over"
        )
        write_card(folder, work.command, config, result, {"data": data})
        pack(work.output / "checker.zip", {"checker": folder})


def _make_network(work: Work, name: str) -> None:
    """One network, as soon as there is a backbone; all are given as many steps."""
    recipe = work.recipe
    with work.stage(name):
        device = prepare_device()
        samples = draw_masked_samples(recipe.mask_scenes)
        work.log(f"{name}: {len(samples)} samples are drawn")
        end = recipe.ends["networks"]
        if not work.wait_for("backbone-done", end):
            raise ValueError("there is no backbone to read.")
        backbone = LatentDiffusion.from_pretrained(work.runs / "backbone", device=device)
        scenes = prepare_masked_scenes(backbone, samples)
        timesteps = timesteps_around(recipe.feature_timestep)
        network = new_network(name, backbone, scenes, timesteps, seed=recipe.network.seed)
        steps = _common_steps(
            work,
            name,
            lambda seconds: train_network(
                copy.deepcopy(network),
                backbone,
                scenes,
                replace(recipe.network, seconds=seconds),
                work.runs / f"{name}-probe",
                timesteps,
            ),
        )
        config = replace(recipe.network, steps=steps, seconds=work.clock.left(end))
        folder = work.runs / name
        result = train_network(network, backbone, scenes, config, folder, timesteps, log=work.log)
        save_half(network, folder / "weights")
        about = {
            "data": f"drawn world, photo style only, {recipe.mask_scenes} scenes with masks",
            "backbone": "pocket",
            "start": "the backbone's U-Net wherever shapes match",
        }
        write_card(folder / "weights", work.command, config, result, about)
        pack(work.output / f"{name}.zip", {f"networks/pocket/{name}": folder / "weights"})
        if result.steps < steps:
            work.log(f"{name}: cut at step {result.steps} of {steps}: the comparison is not equal")


def _common_steps(work: Work, name: str, probe: Callable[[float], TrainResult]) -> int:
    """How many steps the slowest of the networks can take in the time left, by a trial of each."""
    end = work.recipe.ends["networks"]
    probing = work.recipe.probing * work.clock.left(end)
    probe(probing / 2)  # the first steps are slow
    result = probe(probing / 2)
    rate = work.runs / f"{name}.rate"
    rate.with_suffix(".new").write_text(str(result.steps / result.seconds))
    rate.with_suffix(".new").replace(rate)
    # A share of the time left by which the others have to have come.
    share = 1 - (work.clock.left() - probing) / work.clock.seconds
    rates = [
        float((work.runs / f"{each}.rate").read_text())
        for each in NETWORKS
        if work.wait_for(f"{each}.rate", share)
    ]
    planned = work.runs / "steps"
    try:  # the first to know decides, so that all have one number
        with planned.open("x") as file:
            possible = int(0.85 * min(rates) * work.clock.left(end))
            file.write(str(min(max(1, possible), work.recipe.network.steps)))
    except FileExistsError:
        pass
    while not planned.read_text():
        time.sleep(PATIENCE)
    return int(planned.read_text())
