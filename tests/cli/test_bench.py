"""`ldznet bench`: what it measures is the same answer found in two ways."""

import json

import numpy as np

from ldznet.bench import compare_plainly, draw_example
from ldznet.cli import main
from ldznet.data.shapes import STYLES


def test_the_plain_way_finds_the_same(segmenter):
    image, texts = draw_example(3, segmenter.backbone.native_size)
    found = segmenter.compare(image, texts, seed=2, timestep=250)
    plain = compare_plainly(segmenter, image, texts, seed=2, timestep=250)
    assert list(plain) == list(found) == ["rgbnet", "znet", "ldznet"]
    for name, probability in plain.items():
        np.testing.assert_allclose(found[name].probability, probability, atol=1e-5)


def test_it_writes_times_ratios_and_rates(tmp_path, backbone_folder, networks_folder, capsys):
    output = tmp_path / "compare.json"
    folders = ["--backbone", str(backbone_folder), "--networks", str(networks_folder)]
    assert main(["bench", "--turns", "2", "--scenes", "2", *folders, "--output", str(output)]) == 0
    result = json.loads(output.read_text())
    comparison = result["comparison"]
    for spread in (comparison["shared"], comparison["plain"], comparison["ratio"]):
        assert 0 < spread["least"] <= spread["median"] <= spread["greatest"]
    assert comparison["largest_difference"] < 1e-5
    assert list(result["scenes_per_second"]) == list(STYLES)
    assert "plain / shared" in capsys.readouterr().out
    assert str(tmp_path) not in output.read_text()


def test_nothing_to_measure_is_refused(tmp_path, capsys):
    assert main(["bench", "--turns", "0", "--output", str(tmp_path / "compare.json")]) == 1
    assert "at least one turn" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
