import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from ldznet.training import loop
from ldznet.training.loop import TrainConfig, learning_rate_at, train

ROOT = Path(__file__).parents[2]
CONFIG = TrainConfig(
    steps=12, batch_size=4, learning_rate=0.05, warm_up=3, checkpoint_every=4, preview_every=5
)


def squared_error(model: nn.Module, step: int) -> torch.Tensor:
    """A line fitted to y = 2x - 1, each step's batch drawn from the step's number."""
    x = torch.randn(4, 1, generator=torch.Generator().manual_seed(step))
    return (model(x).float() - (2 * x - 1)).square().mean()


def line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(1, 1)


def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path):
    whole = line()
    train("whole", whole, squared_error, CONFIG, tmp_path / "whole")

    def cut(model: nn.Module, step: int) -> torch.Tensor:
        if step == 10:
            raise KeyboardInterrupt
        return squared_error(model, step)

    with pytest.raises(KeyboardInterrupt):
        train("cut", line(), cut, CONFIG, tmp_path / "cut")
    resumed = line()
    drawn = []
    train(
        "resumed",
        resumed,
        lambda model, step: (drawn.append(step), squared_error(model, step))[1],
        CONFIG,
        tmp_path / "cut",
    )
    assert drawn == [8, 9, 10, 11]  # from the last checkpoint on
    assert torch.equal(resumed.weight, whole.weight)
    assert torch.equal(resumed.bias, whole.bias)


def test_a_finished_training_is_not_repeated(tmp_path):
    first = line()
    train("line", first, squared_error, CONFIG, tmp_path)
    again = line()

    def never(model: nn.Module, step: int) -> torch.Tensor:
        raise AssertionError("trained again")

    result = train("line", again, never, CONFIG, tmp_path)
    assert torch.equal(again.weight, first.weight)
    assert math.isfinite(result.loss)


def test_training_learns_and_previews_averaged_weights(tmp_path):
    model = line()
    before = squared_error(model, 999).item()
    previews = []
    config = TrainConfig(
        steps=400, batch_size=4, learning_rate=0.05, warm_up=3, average=0.9, preview_every=150
    )
    train("line", model, squared_error, config, tmp_path, previews.append)
    assert squared_error(model, 999).item() < 0.05 * before
    assert previews == [150, 300, 400]


def test_the_learning_rate_rises_stays_and_falls():
    config = TrainConfig(steps=1000, batch_size=1, learning_rate=1.0, warm_up=100)
    assert learning_rate_at(0, config) == pytest.approx(0.01)
    assert learning_rate_at(99, config) == pytest.approx(1.0)
    assert learning_rate_at(600, config) == pytest.approx(1.0)
    assert learning_rate_at(800, config) == pytest.approx(0.51)
    assert learning_rate_at(1000, config) == pytest.approx(0.02)


def test_a_diverging_training_stops_and_keeps_its_last_good_checkpoint(tmp_path):
    def explodes(model: nn.Module, step: int) -> torch.Tensor:
        return squared_error(model, step) * (1 if step < 6 else 1000)

    with pytest.raises(ValueError, match=r"diverged before step 8 .* at step 4, is kept"):
        train("line", line(), explodes, CONFIG, tmp_path)
    assert json.loads((tmp_path / "progress.json").read_text())["step"] == 4


SHARED = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from ldznet.training.loop import TrainConfig, own_share, train

def loss(model, step):
    x = torch.randn(4, 1, generator=torch.Generator().manual_seed(step))[own_share()]
    return (model(x).float() - (2 * x - 1)).square().mean()

torch.manual_seed(0)
model = torch.nn.Linear(1, 1)
folder = Path(sys.argv[1])
config = TrainConfig(steps=12, batch_size=4, learning_rate=0.05, warm_up=3, checkpoint_every=4)
train("line", model, loss, config, folder)
if own_share().start == 0:
    torch.save(model.state_dict(), folder / "trained.pt")
"""


def test_two_processes_share_a_batch_and_learn_what_one_does(tmp_path):
    alone = line()
    train("line", alone, squared_error, CONFIG, tmp_path / "alone")
    script = tmp_path / "shared.py"
    script.write_text(SHARED)
    shared = tmp_path / "shared"
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*run, script, shared],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env=os.environ
        | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    weights = torch.load(shared / "trained.pt", weights_only=True)
    # A batch's rows are summed in another order, in bfloat16 where the processor can.
    assert torch.allclose(weights["weight"], alone.weight, atol=1e-3)
    assert torch.allclose(weights["bias"], alone.bias, atol=1e-3)


@pytest.mark.parametrize(("able", "expected"), [(True, "bf16"), (False, "no")])
def test_a_processor_trains_in_bfloat16_only_if_it_multiplies_in_it(monkeypatch, able, expected):
    chosen = []
    monkeypatch.setattr(
        loop, "Accelerator", lambda *, mixed_precision: chosen.append(mixed_precision)
    )
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda: able)
    loop.new_accelerator()
    assert chosen == [expected]
    ones = torch.ones(2, 2)
    with loop.autocast(torch.device("cpu")):
        assert (ones @ ones).dtype == (torch.bfloat16 if able else torch.float32)
    assert loop.computes_in_bfloat16(torch.device("cuda"))


def test_a_parameter_given_no_share_of_the_rate_stays_where_it_was(tmp_path):
    model = line()
    weight, bias = model.weight.clone(), model.bias.clone()
    train(
        "slope",
        model,
        squared_error,
        CONFIG,
        tmp_path,
        share_of_rate=lambda parameter: 0.0 if parameter == "bias" else 1.0,
    )
    assert torch.equal(model.bias, bias)
    assert not torch.allclose(model.weight, weight, atol=0.1)


def test_a_deadline_ends_a_training_decayed_averaged_and_without_checkpoints(tmp_path, monkeypatch):
    """By a clock on which each step takes a second."""
    seconds = iter(range(1000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(seconds))
    rates, lines, previews = [], [], []
    original = loop.learning_rate_at

    def rate(*arguments):
        rates.append(original(*arguments))
        return rates[-1]

    monkeypatch.setattr(loop, "learning_rate_at", rate)
    config = replace(CONFIG, steps=10_000, seconds=40.0, preview_seconds=15.0, preview_every=10_000)
    model = line()
    result = train(
        "line", model, squared_error, config, tmp_path, previews.append, log=lines.append
    )
    assert result.steps == 40
    assert result.samples == 160
    assert rates[3] == config.learning_rate
    assert rates[-1] < 0.03 * config.learning_rate
    assert previews == [15, 30, 40]
    assert [line.split()[1] for line in lines] == ["40", "80", "120", "160"]  # samples
    assert not (tmp_path / "progress.json").exists()
    assert squared_error(model, 999).item() < 0.5 * squared_error(line(), 999).item()


def test_a_training_with_a_deadline_ends_with_its_steps_if_they_are_done_first(tmp_path):
    config = replace(CONFIG, seconds=1e6)
    timed, untimed = line(), line()
    assert train("line", timed, squared_error, config, tmp_path / "timed").steps == CONFIG.steps
    train("line", untimed, squared_error, CONFIG, tmp_path / "untimed")
    assert torch.allclose(timed.weight, untimed.weight, atol=1e-6)
