"""What a look inside costs: the formulas against recorded tensors, and the file that states it."""

import json
from pathlib import Path

import pytest
import torch

from ldznet.backbone import record
from ldznet.cli import main
from ldznet.experiments import memory

RESULT = Path(__file__).parents[2] / "assets" / "benchmarks" / "attention-memory.json"
MEBI = 2**20


@pytest.mark.parametrize("way", memory.WAYS)
def test_what_is_kept_is_what_the_formula_says(backbone, way):
    text = backbone.encode_text(["red ball"])  # 16 tokens
    with torch.no_grad(), record(backbone.unet, **memory.WAYS[way]) as recording:
        backbone.unet(backbone.draw_noise((1, 4, 16, 16), 0), 400, text)
    tensors = [*recording.features.values(), *recording.states.values()]
    tensors += recording.attention.values()
    costs = memory.compute(16, (32, 32, 64, 64), heads=2, tokens=16)
    (cost,) = [cost for cost in costs if cost.way == way]
    assert sum(tensor.nbytes for tensor in tensors) == cost.kept < cost.peak


def test_every_head_of_every_layer_counted_by_hand():
    """At full size: blocks of 4096, 1024, 256 and 64 cells, five each but one of the last."""
    rows = 5 * 4096 * (4096 + 77) + 5 * 1024 * (1024 + 77) + 5 * 256 * (256 + 77) + 64 * (64 + 77)
    assert memory.compute()[-1].kept == 8 * rows * 4


def test_the_command_measures_every_way(tmp_path, capsys, monkeypatch):
    ways = []

    def measure(way, side):  # here, for a process of its own takes seconds to start
        ways.append(way)
        return memory.look(way, side, (32, 32, 32, 32))

    monkeypatch.setattr(memory, "measure", measure)
    output = tmp_path / "memory.json"
    assert main(["experiment", "memory", "--side", "16", "--output", str(output)]) == 0
    assert ways == ["nothing", *memory.WAYS]
    result = json.loads(output.read_text())
    assert result["latents"] == [16, 16]
    assert result["unwatched"] > 10 * MEBI  # bytes, not kilobytes: Python alone needs more
    assert [cost["measured"] is None for cost in result["costs"]] == [False] * 4 + [True]
    assert "never done" in capsys.readouterr().out


def test_a_side_the_u_net_cannot_halve_is_refused(tmp_path, capsys):
    options = ["--side", "12", "--output", str(tmp_path / "memory.json")]
    assert main(["experiment", "memory", *options]) == 1
    assert "multiple of 8" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_tab_at_full_size_stays_far_below_all_heads_of_all_layers():
    result = json.loads(RESULT.read_text())
    assert (result["latents"], result["heads"], result["tokens"]) == ([64, 64], 8, 77)
    costs = {cost["way"]: cost for cost in result["costs"]}
    for cost in memory.compute():
        stated = costs[cost.way]
        assert (stated["kept"], stated["peak"]) == (cost.kept, cost.peak)
        if stated["measured"] is not None:  # what the allocator rounds up is not in the formula
            assert stated["measured"] < cost.peak + 16 * MEBI
    assert costs["tab"]["measured"] < 0.1 * costs["everything"]["peak"]


def test_a_way_is_measured_in_a_process_of_its_own():
    """With few channels, so that nearly all memory beyond the libraries' is the map."""
    widths = (32, 32, 32, 32)
    unwatched = memory.measure("nothing", 64, widths)
    (cost,) = [cost for cost in memory.compute(64, widths) if cost.way == "map"]
    assert unwatched > 100 * MEBI  # the libraries alone
    # A pass this narrow leaves no room that the map could take after it, as one of full width does.
    assert cost.kept < memory.measure("map", 64, widths) - unwatched < 2 * cost.peak
