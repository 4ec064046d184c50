"""Precisions compared on the random networks: with themselves, and against counting by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ldznet.cli import main
from ldznet.data.shapes import Shapes
from ldznet.experiments.precision import compare_precisions
from ldznet.pipeline import Segmenter


@pytest.fixture(scope="module")
def low(backbone_folder, networks_folder):
    return Segmenter.from_pretrained(
        backbone_folder, networks=networks_folder, names=["znet"], precision="bfloat16"
    )


@pytest.fixture(scope="module")
def exact(backbone_folder, networks_folder):
    return Segmenter.from_pretrained(
        backbone_folder, networks=networks_folder, names=["znet"], precision="float32"
    )


STYLES = ("flat", "neon")


@pytest.fixture(autouse=True)
def small_world(monkeypatch):
    """Two styles; and the random backbone, which spells other words in many tokens, reads 14."""
    monkeypatch.setattr("ldznet.experiments.precision.STYLES", STYLES)
    drawn = Shapes.__getitem__

    def renamed(self, index):
        return replace(drawn(self, index), phrase=("red ball", "blue car")[index % 2])

    monkeypatch.setattr(Shapes, "__getitem__", renamed)


def test_a_precision_agrees_with_itself(exact):
    for each in compare_precisions(exact, exact, count=1)["znet"].values():
        assert (each.agreement.mean_iou, each.agreement.probability_difference) == (1, 0)
        assert each.least_iou == 1
        assert each.true_iou == each.true_iou_float32


def test_the_numbers_are_those_of_counting(exact, low):
    assert low.backbone.dtype == torch.bfloat16
    agreements = compare_precisions(exact, low, count=2)["znet"]
    assert list(agreements) == [*STYLES, "all"]
    overlaps, true, differences = [], [], []
    for style in STYLES:
        for sample in Shapes("test", style, 2):
            one, other = (each(sample.image, [sample.phrase], "znet") for each in (low, exact))
            union = np.logical_or(one.mask, other.mask).sum()
            both = np.logical_and(one.mask, other.mask).sum()
            overlaps.append(both / union if union else 1)
            hit = np.logical_and(one.mask[0], sample.mask).sum()
            true.append(hit / np.logical_or(one.mask[0], sample.mask).sum())
            differences.append(np.abs(one.probability - other.probability).mean())
    assert agreements["all"].agreement.phrases == 4
    assert agreements["neon"].agreement.phrases == 2
    assert agreements["all"].agreement.mean_iou == pytest.approx(np.mean(overlaps))
    assert agreements["all"].least_iou == pytest.approx(min(overlaps))
    assert agreements["all"].true_iou == pytest.approx(np.mean(true))
    assert agreements["all"].agreement.probability_difference == pytest.approx(np.mean(differences))


def test_the_command(backbone_folder, networks_folder, tmp_path, capsys):
    models = ["--backbone", str(backbone_folder), "--networks", str(networks_folder)]
    output = ["--output", str(tmp_path / "out.json"), "--count", "1"]
    assert main(["experiment", "precision", *models, "--precision", "bfloat16", *output]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["precision"], result["scenes_of_each_style"]) == ("bfloat16", 1)
    assert set(result["networks"]["ldznet"]) == {*STYLES, "all"}
    assert "mean IoU of bfloat16 with float32" in capsys.readouterr().out
    assert main(["experiment", "precision", *models, *output]) == 1
    assert "nothing to compare with itself" in capsys.readouterr().err
