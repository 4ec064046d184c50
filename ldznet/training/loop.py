"""One training loop for all: seeded by step, resumable at any step, averaged weights at the end.

It ends after so many steps, or after so many seconds if sooner; the rate has fallen by then.

Started by `torchrun --nproc-per-node N`, N processes share each batch; nothing else changes.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from diffusers import ConfigMixin, ModelMixin
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

from ldznet.checkpoints.precision import multiplies_bfloat16

SLOTS = ("checkpoint-a", "checkpoint-b")  # written in turn: a cut during one leaves the other whole
READ_EVERY = 20  # steps: to read a loss is to wait for the device
LOG_EVERY = 10.0  # seconds
DIVERGED = 2.0  # times the loss before the last checkpoint: no curriculum raises it that far

UNTRAINED: dict[str, Any] = {"slot": SLOTS[1], "step": 0, "seconds": 0.0, "loss": float("inf")}


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
    seconds: float | None = None  # of wall time from the call on, after which training ends
    preview_seconds: float | None = None  # the same as `preview_every`, by the clock


@dataclass(frozen=True)
class TrainResult:
    """What a finished training cost."""

    steps: int  # taken, which are fewer than planned where the seconds were over before
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
    log: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train `model` in place for `config.steps`; at the end it holds the averaged weights.

    With `config.seconds` it ends at that deadline too, and the rate follows whichever is nearer its
    end. Such a training is not resumed: it keeps no checkpoints.

    `loss(model, step)` draws the batch of that step by itself, seeded by the step number, so that a
    resumed training sees what an uninterrupted one would have seen. Checkpoints go to `folder`;
    calling again continues from the last one. `preview(step)` is called with the averaged weights.
    `share_of_rate(name)` is the share of the learning rate at which that parameter is trained.
    `log` is given a line every ten seconds, in place of a bar.
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
    fast = accelerator.device.type == "cuda"  # a few launches for all parameters, not some for each
    average = EMAModel(
        parameters, decay=config.average, use_ema_warmup=True, power=0.75, foreach=fast
    )
    average.to(accelerator.device)
    accelerator.register_for_checkpointing(average)

    timed = config.seconds is not None
    started = time.monotonic()
    progress = dict(UNTRAINED) if timed else _resume(accelerator, folder)
    first, spent = progress["step"], progress["seconds"]
    losses = _Losses()
    folder.mkdir(parents=True, exist_ok=True)
    trained.train()
    main = accelerator.is_main_process
    bar = tqdm(total=config.steps, desc=name, initial=first, disable=log is not None or not main)
    logged = shown_at = 0.0
    done, share = first, 0.0  # of the steps, and of the time
    while done < config.steps and share < 1:
        for group in optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate_at(done, config, share)
        value = loss(trained, done)
        accelerator.backward(value)
        accelerator.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        optimizer.zero_grad()
        average.step(parameters)
        losses.add(value)
        done += 1
        bar.update()
        passed = time.monotonic() - started
        share = passed / config.seconds if config.seconds else 0.0
        ended = done == config.steps or share >= 1
        if done % READ_EVERY == 0 or ended:
            bar.set_postfix(loss=f"{losses.mean(100):.4f}")
        if done % config.checkpoint_every == 0 or ended:
            recent = losses.mean(config.checkpoint_every)
            progress = _next_progress(name, progress, done, spent + passed, recent)
            if not timed:
                _checkpoint(accelerator, folder, progress)
        if log is not None and (passed - logged >= LOG_EVERY or ended):
            log(
                f"{name}: {done * config.batch_size} samples, "
                f"{(done - first) * config.batch_size / passed:.0f}/s, loss {losses.mean(100):.4f}"
            )
            logged = passed
        by_clock = passed - shown_at >= (config.preview_seconds or float("inf"))
        if preview and main and (done % config.preview_every == 0 or by_clock or ended):
            average.store(parameters)
            average.copy_to(parameters)
            trained.eval()
            preview(done)
            trained.train()
            average.restore(parameters)
            shown_at = passed
    bar.close()
    average.copy_to(parameters)
    trained.eval()
    return TrainResult(
        steps=done,
        samples=done * config.batch_size,
        seconds=round(spent + time.monotonic() - started, 1),
        loss=losses.mean(max(1, (done - first) // 10)) if done > first else progress["loss"],
    )


class _Losses:
    """A run's losses, each read long after its step, so that no step waits for the device."""

    def __init__(self) -> None:
        self.read: list[float] = []
        self.waiting: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        self.waiting.append(loss.detach())

    def mean(self, count: int) -> float:
        """Of the last `count`."""
        if self.waiting:
            self.read += torch.stack(self.waiting).tolist()
            self.waiting.clear()
        recent = self.read[-count:]
        return sum(recent) / len(recent)


def learning_rate_at(step: int, config: TrainConfig, share: float = 0.0) -> float:
    """Linear warm-up, a plateau, then a cosine down to 2 % of the rate.

    `share` of the time, in [0, 1], is over; where it is ahead of the steps the fall follows it.
    """
    rise = min(1.0, (step + 1) / config.warm_up)
    start = config.decay_from * config.steps
    done = max(step, share * config.steps)
    fallen = max(0.0, (done - start) / max(1.0, config.steps - start))
    fall = 0.02 + 0.98 * 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * min(1.0, fallen)))))
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
        return dict(UNTRAINED)
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
