"""`python -m ldznet inspect`: the same arrays as in Python, the figures, and one-line mistakes."""

import json

import numpy as np
import pytest
from PIL import Image

from ldznet import inspection
from ldznet.cli import main

PLATES = ["words", "point", "features-timesteps", "features-blocks", "text-change", "latent"]


@pytest.fixture
def image(tmp_path, picture):
    """A picture of twice its working size: 160 x 96 pixels read as 80 x 48 or so."""
    path = tmp_path / "picture.png"
    Image.fromarray(picture).resize((160, 96), Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture
def models(backbone_folder, networks_folder):
    return ["--backbone", str(backbone_folder), "--networks", str(networks_folder)]


def load(folder, name):
    with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def test_every_view_is_written_as_python_gives_it(
    image, models, segmenter, picture, tmp_path, capsys
):
    folder = tmp_path / "out"
    options = ["--timestep", "300", "--seed", "3", "--blocks", "4", "11", "--block", "12"]
    options += ["--fusion-block", "7", "--feature-block", "5", "--point", "60", "41", "--json"]
    status = main(
        ["inspect", str(image), "the red cat", *options, *models, "--output", str(folder)]
    )
    streams = capsys.readouterr()
    assert (status, streams.err) == (0, "")
    report = json.loads(streams.out)
    assert report == json.loads((folder / "inspection.json").read_text(encoding="utf-8"))
    named = {f"{name}.{kind}" for name in PLATES for kind in ("png", "npz")}
    assert {path.name for path in folder.iterdir()} == named | {"inspection.json"}
    for name in PLATES:
        with Image.open(folder / f"{name}.png") as figure:
            assert min(figure.size) > 400
        assert json.loads(str(load(folder, name)["settings"])) == report["plates"][name]

    subject = inspection.subject_of_image(segmenter, image)
    height, width = subject.image.shape[:2]
    assert (width, height) == (96, 64)  # 58 rows of picture, 3 above and 3 below repeat its edges
    x, y = int(60.5 * 96 / 160), 3 + int(41.5 * 58 / 96)
    target = (subject, "the red cat")
    noise = {"timestep": 300, "seed": 3}
    backbone = segmenter.backbone
    words = inspection.attention_words(backbone, *target, blocks=(4, 11), **noise)
    attention = inspection.self_attention_point(backbone, *target, x, y, block=12, **noise)
    fusion = inspection.fusion_point(segmenter, *target, x, y, block=7, **noise)
    strip = inspection.features_over_timesteps(backbone, *target, block=5, seed=3)
    expected = {
        "words": {"maps": words.maps},
        "point": {"self_attention": attention.map, "fusion": fusion.map},
        "features-timesteps": {"timestep_450": strip.colours[4]},
        "text-change": {"change": inspection.text_change(backbone, *target, **noise)},
        "latent": {"channels": subject.latents[0].numpy()},
    }
    for name, arrays in expected.items():
        written = load(folder, name)
        for key, array in arrays.items():
            assert np.allclose(written[key], array, atol=1e-5), (name, key)
    assert len([key for key in load(folder, "features-blocks") if key.startswith("block_")]) == 16
    assert report["plates"]["point"]["point"] == [x, y]
    assert report["point"] == [60, 41]
    assert report["unknown_words"] == ["cat"]
    assert (report["width"], report["working_width"]) == (160, width)
    assert report["command"].startswith("python -m ldznet inspect picture.png 'the red cat' --")


def test_the_defaults_are_those_of_python_and_the_middle(image, models, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main(["inspect", str(image), "ball", *models, "--output", str(folder)]) == 0
    assert "words.png, words.npz" in capsys.readouterr().out
    report = json.loads((folder / "inspection.json").read_text())
    assert report["point"] == [80, 48]
    words = report["plates"]["words"]
    assert words["blocks"] == list(inspection.DEFAULT_BLOCKS)
    assert words["timestep"] == inspection.DEFAULT_TIMESTEP
    assert report["plates"]["features-timesteps"]["timesteps"] == list(range(50, 1000, 100))


@pytest.mark.parametrize(
    ("phrase", "options", "message"),
    [
        (" ", [], "The phrase is empty; write what to look for."),
        ("ball", ["--point", "160", "0"], "point (160, 0) is outside the image; x goes from 0"),
        ("ball", ["--point", "0", "-1"], "point (0, -1) is outside"),
        ("ball", ["--blocks", "17"], "1 to 16; got 17"),
        ("ball", ["--block", "0"], "1 to 16; got 0"),
        ("ball", ["--fusion-block", "5"], "choose from 6, 7, 8, 9, 10"),
        ("ball", ["--timestep", "1000"], "from 0 to 999; got 1000"),
        ("ball", ["--seed", "-1"], "seed must be from 0"),
        ("ball " * 20, [], "is too long"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_left(
    image, models, tmp_path, capsys, phrase, options, message
):
    folder = tmp_path / "out"
    command = ["inspect", str(image), phrase, *options, *models, "--output", str(folder)]
    assert main(command) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("ldznet: ")
    assert streams.err.count("\n") == 1
    assert message in streams.err
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
