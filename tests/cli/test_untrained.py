"""`--network attention` and `--network clipseg`: named like the trained networks."""

import json

import numpy as np
import pytest
from PIL import Image

from ldznet.cli import main
from ldznet.pipeline import Segmenter
from tests.peers.conftest import clipseg_folder

__all__ = ["clipseg_folder"]

PHRASES = ["red ball", "blue car"]


@pytest.fixture
def own_clipseg(clipseg_folder, monkeypatch):
    monkeypatch.setenv("LDZNET_CLIPSEG", str(clipseg_folder))
    return clipseg_folder


@pytest.fixture
def segment(tmp_path, backbone_folder, picture):
    """Runs `segment` on a backbone without networks; gives its status and its folder."""
    Image.fromarray(picture).save(tmp_path / "picture.png")

    def run(network):
        output = tmp_path / network
        status = main(
            [
                *("segment", str(tmp_path / "picture.png"), *PHRASES, "--network", network),
                *("--backbone", str(backbone_folder), "--output", str(output)),
            ]
        )
        return status, output

    return run


@pytest.mark.parametrize("network", ["attention", "clipseg"])
def test_segment_writes_what_the_segmenter_finds(
    segment, own_clipseg, backbone_folder, picture, network
):
    status, folder = segment(network)
    assert status == 0
    report = json.loads((folder / "segmentation.json").read_text())
    assert list(report["networks"]) == [network]
    segmenter = Segmenter.from_pretrained(backbone_folder, names=[network])
    expected = segmenter.compare(picture, PHRASES, [network])[network].probability
    written = np.load(folder / report["probabilities"])[network]
    assert np.array_equal(written, expected)


def test_without_clipsegs_weights_one_sentence_says_so(segment, capsys):
    status, folder = segment("clipseg")
    message = capsys.readouterr().err
    assert status == 1
    assert "'CIDAS/clipseg-rd64-refined' is not on this machine" in message
    assert "Traceback" not in message
    assert not folder.exists()


def test_evaluate_scores_them_side_by_side(tmp_path, own_clipseg, pocket):
    from ldznet.data import open_dataset
    from ldznet.evaluation import evaluate
    from ldznet.pipeline import Settings

    path = tmp_path / "scores.json"
    status = main(
        [
            *("evaluate", "--styles", "flat", "--count", "2", "--phrases-per-scene", "1"),
            *("--network", "attention", "clipseg", "--output", str(path)),
        ]
    )
    assert status == 0
    scores = json.loads(path.read_text())["sets"]["flat"]["scores"]
    assert list(scores) == ["attention", "clipseg", "everything", "nothing"]
    samples = open_dataset("shapes", "test", style="flat", count=2)
    settings = Settings(seed=0, timestep=400)
    own = evaluate(pocket, samples, ["attention"], settings)["attention"].overall
    assert scores["attention"]["overall"]["mean_iou"] == pytest.approx(own.mean_iou)


def test_an_unknown_name_is_told_all_there_are(segment, capsys):
    assert segment("sam")[0] == 1
    message = capsys.readouterr().err
    assert "choose from rgbnet, znet, ldznet, attention, clipseg" in message
