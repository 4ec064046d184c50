"""One training loop for all: seeded by step, resumable at any step, averaged weights at the end."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

SLOTS = ("checkpoint-a", "checkpoint-b")  # written in turn: a cut during one leaves the other whole


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast one model is trained."""

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.01
    warm_up: int = 150  # steps of linear rise
    decay_from: float = 0.6  # share of the steps after which the rate falls along a cosine to 2 %
    clip: float = 1.0  # gradient norm
    average: float = 0.9995  # decay of the exponential moving average of the weights
    seed: int = 0
    checkpoint_every: int = 250  # steps
    preview_every: int = 1000  # steps


@dataclass(frozen=True)
class TrainResult:
    """What a finished training cost."""

    steps: int
    samples: int
    seconds: float  # of training, over all resumed runs
    loss: float  # mean over the last tenth of this run's steps


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """Linear warm-up, a plateau, then a cosine down to 2 % of the rate."""
    rise = min(1.0, (step + 1) / config.warm_up)
    start = config.decay_from * config.steps
    share = max(0.0, (step - start) / max(1.0, config.steps - start))
    fall = 0.02 + 0.98 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(1.0, share)))))
    return config.learning_rate * rise * fall


def train(
    name: str,
    model: nn.Module,
    loss: Callable[[nn.Module, int], Tensor],
    config: TrainConfig,
    folder: Path,
    preview: Callable[[int], None] | None = None,
) -> TrainResult:
    """Train `model` in place for `config.steps`; at the end it holds the averaged weights.

    `loss(model, step)` draws the batch of that step by itself, seeded by the step number, so that a
    resumed training sees what an uninterrupted one would have seen. Checkpoints go to `folder`;
    calling again continues from the last one. `preview(step)` is called with the averaged weights.
    """
    accelerator = Accelerator(mixed_precision="bf16")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=config.weight_decay,
        fused=True,
    )
    trained, optimizer = accelerator.prepare(model, optimizer)
    average = EMAModel(parameters, decay=config.average, use_ema_warmup=True, power=0.75)
    average.to(accelerator.device)
    accelerator.register_for_checkpointing(average)

    progress = _resume(accelerator, folder)
    first, spent = progress["step"], progress["seconds"]
    started = time.monotonic()
    losses: list[float] = []
    folder.mkdir(parents=True, exist_ok=True)
    trained.train()
    for step in (bar := tqdm(range(first, config.steps), name, config.steps, initial=first)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, config)
        value = loss(trained, step)
        accelerator.backward(value)
        accelerator.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        optimizer.zero_grad()
        average.step(parameters)
        losses.append(float(value.detach()))
        if step % 20 == 0:
            bar.set_postfix(loss=f"{sum(losses[-100:]) / len(losses[-100:]):.4f}")
        done = step + 1
        seconds = spent + time.monotonic() - started
        if done % config.checkpoint_every == 0 or done == config.steps:
            recent = losses[-config.checkpoint_every :]
            _checkpoint(accelerator, folder, done, seconds, sum(recent) / len(recent))
        if preview and (done % config.preview_every == 0 or done == config.steps):
            average.store(parameters)
            average.copy_to(parameters)
            trained.eval()
            preview(done)
            trained.train()
            average.restore(parameters)
    average.copy_to(parameters)
    trained.eval()
    tail = losses[-max(1, len(losses) // 10) :] or [progress["loss"]]
    return TrainResult(
        steps=config.steps,
        samples=config.steps * config.batch_size,
        seconds=round(spent + time.monotonic() - started, 1),
        loss=sum(tail) / len(tail),
    )


def _resume(accelerator: Accelerator, folder: Path) -> dict:
    """The progress of the last checkpoint, its state loaded; zero progress if there is none."""
    record = folder / "progress.json"
    if not record.exists():
        return {"step": 0, "seconds": 0.0, "loss": float("nan")}
    progress = json.loads(record.read_text())
    accelerator.load_state(str(folder / progress["slot"]))
    return progress


def _checkpoint(
    accelerator: Accelerator, folder: Path, step: int, seconds: float, loss: float
) -> None:
    """Save everything into the slot not in use, then point to it in one atomic step."""
    record = folder / "progress.json"
    used = json.loads(record.read_text())["slot"] if record.exists() else SLOTS[1]
    slot = SLOTS[1 - SLOTS.index(used)]
    accelerator.save_state(str(folder / slot))
    progress = {"slot": slot, "step": step, "seconds": round(seconds, 1), "loss": loss}
    fresh = folder / "progress.json.new"
    fresh.write_text(json.dumps(progress))
    fresh.replace(record)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({key: progress[key] for key in ("step", "seconds", "loss")}) + "\n")
