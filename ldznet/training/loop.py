"""One training loop for all: seeded by step, resumable at any step, averaged weights at the end.

Started by `torchrun --nproc-per-node N`, N processes share each batch; nothing else changes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from diffusers import ConfigMixin, ModelMixin
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

from ldznet.checkpoints.precision import multiplies_bfloat16

SLOTS = ("checkpoint-a", "checkpoint-b")  # written in turn: a cut during one leaves the other whole
DIVERGED = 2.0  # times the loss before the last checkpoint: no curriculum raises it that far


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


def train(
    name: str,
    model: nn.Module,
    loss: Callable[[nn.Module, int], Tensor],
    config: TrainConfig,
    folder: Path,
    preview: Callable[[int], None] | None = None,
    share_of_rate: Callable[[str], float] = lambda parameter: 1.0,
) -> TrainResult:
    """Train `model` in place for `config.steps`; at the end it holds the averaged weights.

    `loss(model, step)` draws the batch of that step by itself, seeded by the step number, so that a
    resumed training sees what an uninterrupted one would have seen. Checkpoints go to `folder`;
    calling again continues from the last one. `preview(step)` is called with the averaged weights.
    `share_of_rate(name)` is the share of the learning rate at which that parameter is trained.
    Raises ValueError if the loss rises as it does when training diverges; the last checkpoint then
    is the last good one.
    """
    accelerator = new_accelerator()
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter_name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(share_of_rate(parameter_name), []).append(parameter)
    parameters = [parameter for group in groups.values() for parameter in group]
    optimizer = torch.optim.AdamW(
        [{"params": group, "share": share} for share, group in groups.items()],
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
    steps = range(first, config.steps)
    hidden = not accelerator.is_main_process
    for step in (bar := tqdm(steps, name, config.steps, initial=first, disable=hidden)):
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate_at(step, config)
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
            progress = _next_progress(name, progress, done, seconds, sum(recent) / len(recent))
            _checkpoint(accelerator, folder, progress)
        shown = done % config.preview_every == 0 or done == config.steps
        if preview and shown and accelerator.is_main_process:
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


def learning_rate_at(step: int, config: TrainConfig) -> float:
    """Linear warm-up, a plateau, then a cosine down to 2 % of the rate."""
    rise = min(1.0, (step + 1) / config.warm_up)
    start = config.decay_from * config.steps
    share = max(0.0, (step - start) / max(1.0, config.steps - start))
    fall = 0.02 + 0.98 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(1.0, share)))))
    return config.learning_rate * rise * fall


def own_share() -> slice:
    """Which rows of a batch are this process's; all of them where one process trains."""
    state = PartialState()
    return slice(state.process_index, None, state.num_processes)


def new_accelerator() -> Accelerator:
    """What trains in the precision of `autocast`; the weights themselves stay in float32."""
    half = computes_in_bfloat16(PartialState().device)
    return Accelerator(mixed_precision="bf16" if half else "no")


def autocast(device: torch.device) -> torch.autocast:
    """The precision of a training on this device, for what runs beside the trained model."""
    return torch.autocast(device.type, torch.bfloat16, enabled=computes_in_bfloat16(device))


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether to train in bfloat16: a processor without instructions for it is slower than so."""
    return device.type != "cpu" or multiplies_bfloat16()


def _resume(accelerator: Accelerator, folder: Path) -> dict:
    """The progress of the last checkpoint, its state loaded; zero progress if there is none."""
    record = folder / "progress.json"
    if not record.exists():
        return {"slot": SLOTS[1], "step": 0, "seconds": 0.0, "loss": float("inf")}
    progress = json.loads(record.read_text())
    accelerator.load_state(str(folder / progress["slot"]))
    return progress


def _next_progress(name: str, before: dict, step: int, seconds: float, loss: float) -> dict:
    """What the next checkpoint says of itself; refused if the loss tells of a divergence."""
    if not loss <= DIVERGED * before["loss"]:  # so that NaN is refused too
        raise ValueError(
            f"The training of {name} diverged before step {step} (loss {loss:.3g} after "
            f"{before['loss']:.3g}); its last checkpoint, at step {before['step']}, is kept. "
            "Go on from there at a lower learning rate."
        )
    slot = SLOTS[1 - SLOTS.index(before["slot"])]
    return {"slot": slot, "step": step, "seconds": round(seconds, 1), "loss": loss}


def _checkpoint(accelerator: Accelerator, folder: Path, progress: dict) -> None:
    """Save everything into the slot not in use, then point to it in one atomic step."""
    accelerator.save_state(str(folder / progress["slot"]))
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        return
    fresh = folder / "progress.json.new"
    fresh.write_text(json.dumps(progress))
    fresh.replace(folder / "progress.json")
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps({key: progress[key] for key in ("step", "seconds", "loss")}) + "\n")


def save_half(model: ModelMixin, folder: Path) -> None:
    """Write safetensors in half precision; the model itself keeps its own precision.

    Of several processes that train it together one writes.
    """
    if not PartialState().is_main_process:
        return
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    dtype = next(model.parameters()).dtype
    if isinstance(model, ConfigMixin):  # a loaded one keeps the path of this machine's folder
        model.register_to_config(_name_or_path="")
    model.half().save_pretrained(folder, safe_serialization=True)
    model.to(dtype).load_state_dict(kept)
