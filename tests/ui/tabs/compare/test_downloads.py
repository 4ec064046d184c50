"""What is downloaded is lossless, and its commands give the same masks again."""

import io
import json
import shlex
import zipfile

import numpy as np
import pytest
from PIL import Image

from ldznet.cli import main
from ldznet.data.shapes import draw_scene
from ldznet.ui.downloads import KINDS, zip_comparison
from ldznet.ui.examples import choose_phrases, picture_of
from ldznet.ui.models import Loaded
from ldznet.ui.run import run_comparison
from ldznet.ui.snippets import command_line, python_code
from ldznet.ui.state import Look


@pytest.fixture(scope="module")
def comparison(pocket):
    scene = draw_scene(118, "photo", "full")
    return run_comparison(Loaded(pocket), picture_of(scene), choose_phrases(scene), seed=2)


def unzip(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def image(content):
    return np.array(Image.open(io.BytesIO(content)))


def test_everything_holds_what_its_list_names(comparison):
    files = unzip(zip_comparison("everything", comparison, Look(threshold=0.4)))
    said = json.loads(files["segmentation.json"])
    assert (said["threshold"], said["seed"], said["backbone"]) == (0.4, 2, "pocket")
    assert np.array_equal(image(files["image.png"]), comparison.picture.image)
    found = comparison.at(0.4)
    for name, network in said["networks"].items():
        assert network["overlay"] in files
        for row, phrase in enumerate(network["phrases"]):
            mask = found[name].mask[row]
            assert np.array_equal(image(files[phrase["mask"]]), mask * np.uint8(255))
            assert phrase["area"] == mask.sum()
    with np.load(io.BytesIO(files["probabilities.npz"])) as probability:
        assert np.array_equal(probability["znet"] > 0.4, found["znet"].mask)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "everything"])
def test_each_kind_is_a_part_of_everything(comparison, kind):
    everything = unzip(zip_comparison("everything", comparison, Look()))
    files = unzip(zip_comparison(kind, comparison, Look()))
    each = 3 * len(comparison.phrases)
    count = {"masks": each, "cut-outs": each, "overlays": 3, "probabilities": 1}[kind]
    assert len(files) == count
    assert files.items() <= everything.items()


def test_a_cut_out_is_the_picture_with_its_mask_as_alpha(comparison):
    files = unzip(zip_comparison("cut-outs", comparison, Look(threshold=0.3)))
    name = next(name for name in sorted(files) if name.startswith("ldznet-1"))
    cut = image(files[name])
    assert np.array_equal(cut[..., :3], comparison.picture.image)
    assert np.array_equal(cut[..., 3] > 0, comparison.at(0.3)["ldznet"].mask[0])


def test_the_same_result_gives_the_same_bytes(comparison):
    assert zip_comparison("masks", comparison, Look()) == zip_comparison(
        "masks", comparison, Look()
    )


def test_the_python_gives_the_same_masks(comparison):
    names = {}
    exec(python_code(comparison, Look(threshold=0.4)), names)
    for name, found in comparison.at(0.4).items():
        assert np.array_equal(names["masks"][name], found.mask)


def test_the_command_line_gives_the_same_masks(comparison, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw, segment = command_line(comparison, Look(threshold=0.4)).splitlines()
    python, option, program = shlex.split(draw)
    assert (python, option) == ("python", "-c")
    exec(program, {})
    assert main(shlex.split(segment)[3:]) == 0
    said = json.loads((tmp_path / "found" / "segmentation.json").read_text())
    for name, network in said["networks"].items():
        for row, phrase in enumerate(network["phrases"]):
            mask = np.array(Image.open(tmp_path / "found" / phrase["mask"])) > 0
            assert np.array_equal(mask, comparison.at(0.4)[name].mask[row])
