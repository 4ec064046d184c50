"""`ldznet experiment bench`: the same answer in two ways, how long each takes, what it writes."""

import json
import re
from pathlib import Path

from ldznet.cli import main
from ldznet.data.shapes import STYLES
from ldznet.experiments.bench import measurement, pocket

CPUINFO = Path("/proc/cpuinfo")
FLAGS = set(re.findall(r"\w+", CPUINFO.read_text())) if CPUINFO.exists() else set()


def test_it_writes_times_ratios_and_rates(tmp_path, segmenter, capsys, monkeypatch):
    """With tiny models in place of pocket's."""
    monkeypatch.setitem(measurement.PARTS, "pocket", lambda: pocket.measure_pocket(2, 2, segmenter))
    output = tmp_path / "speed.json"
    assert main(["experiment", "bench", "--only", "pocket", "--output", str(output)]) == 0
    result = json.loads(output.read_text())
    assert (
        result["command"] == "python -m ldznet experiment bench --only pocket --output speed.json"
    )
    assert {"architecture", "cpu_name"}.isdisjoint(result["instructions"])
    # As the system itself names what the processor can, where it does.
    for name in ("avx2", "avx512f") if "flags" in FLAGS else ():
        assert (name.replace("512", "512_") in result["instructions"]) == (name in FLAGS)
    comparison = result["pocket"]["comparison"]
    for spread in (comparison["shared"], comparison["plain"], comparison["ratio"]):
        assert 0 < spread["least"] <= spread["median"] <= spread["greatest"]
    assert comparison["largest_difference"] < 1e-5
    assert list(result["pocket"]["scenes_per_second"]) == list(STYLES)
    assert "pocket comparison ratio: median" in capsys.readouterr().out
    assert str(tmp_path) not in output.read_text()


def test_an_unknown_part_is_refused(tmp_path, capsys):
    output = tmp_path / "speed.json"
    try:
        code = main(["experiment", "bench", "--only", "weather", "--output", str(output)])
    except SystemExit as stop:  # argparse's own way
        code = stop.code
    assert code
    assert "full_size" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
