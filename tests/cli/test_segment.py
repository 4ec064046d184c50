"""`python -m ldznet segment` from outside: files, words and exit status, in success and failure."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldznet.cli import COMMANDS, build_parser, main

ROOT = Path(__file__).parents[2]
PHRASES = ["red ball", "the blue car", "purple ball"]


# What the other tests set to keep the libraries quiet; the command must manage without.
QUIET = {"TRANSFORMERS_VERBOSITY", "DIFFUSERS_VERBOSITY", "HF_HUB_DISABLE_PROGRESS_BARS"}


def launch(*arguments):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ldznet", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in QUIET},
    )


@pytest.fixture
def image(tmp_path, picture):
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def models(backbone_folder, networks_folder):
    """The options that choose the random backbone and its networks."""
    return ["--backbone", str(backbone_folder), "--networks", str(networks_folder)]


@pytest.fixture(scope="module")
def written(tmp_path_factory, backbone_folder, networks_folder, picture):
    """One run of everything: the process as it ended, and the folder it wrote."""
    folder = tmp_path_factory.mktemp("segment")
    Image.fromarray(picture).save(folder / "picture.png")
    models = ["--backbone", backbone_folder, "--networks", networks_folder]
    options = ["--network", "all", "--threshold", 0.4, "--seed", 3, "--timestep", 300, "--json"]
    done = launch(
        "segment", folder / "picture.png", *PHRASES, *models, *options, "--output", folder / "out"
    )
    return done, folder / "out"


def test_everything_is_written_and_named(written, segmenter, picture):
    done, folder = written
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report == json.loads((folder / "segmentation.json").read_text())
    named = {report["probabilities"], "segmentation.json"}
    expected = segmenter.compare(picture, PHRASES, seed=3, timestep=300)
    probabilities = np.load(folder / report["probabilities"])
    assert list(report["networks"]) == list(expected) == list(probabilities)
    for name, network in report["networks"].items():
        segmentation = expected[name].at(0.4)
        assert np.array_equal(probabilities[name], segmentation.probability)
        overlay = Image.open(folder / network["overlay"])
        assert (overlay.mode, overlay.size) == ("RGB", (80, 48))
        assert network["seconds"] > 0
        named.add(network["overlay"])
        for number, row in enumerate(network["phrases"]):
            mask = Image.open(folder / row["mask"])
            assert (mask.mode, mask.format) == ("L", "PNG")
            assert np.array_equal(mask, segmentation.mask[number].astype(np.uint8) * 255)
            assert row["phrase"] == PHRASES[number]
            assert row["score"] == pytest.approx(segmentation.score[number])
            assert (
                row["area"]
                == segmentation.mask[number].sum()
                == sum(x["area"] for x in row["boxes"])
            )
            for box in row["boxes"]:
                rows = slice(box["top"], box["top"] + box["height"])
                columns = slice(box["left"], box["left"] + box["width"])
                inside = segmentation.mask[number][rows, columns]
                assert inside.any(axis=0).all()
                assert inside.any(axis=1).all()
                assert inside.sum() >= box["area"]
            named.add(row["mask"])
    assert named == {path.name for path in folder.iterdir()}
    settings = ("image", "width", "height", "threshold", "seed", "timestep")
    assert [report[key] for key in settings] == ["picture.png", 80, 48, 0.4, 3, 300]
    assert report["unknown_words"] == {"purple ball": ["purple"]}


def test_nothing_but_the_output_is_left(written):
    _, folder = written
    assert {path.name for path in folder.parent.iterdir()} == {"picture.png", "out"}
    assert oct(folder.stat().st_mode & 0o777) == oct(0o777 & ~umask())


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_without_json_it_says_what_was_found(image, models, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()  # an empty folder may be there already
    status = main(
        ["segment", str(image), "red cat", *models, "--threshold", "1", "--output", str(output)]
    )
    streams = capsys.readouterr()
    assert (status, streams.err) == (0, "")
    assert "no pixel above 1.0; highest 0." in streams.out
    assert "does not know cat" in streams.out
    assert sorted(path.name for path in output.iterdir()) == [
        "ldznet-1-red-cat.png",
        "ldznet-overlay.png",
        "probabilities.npz",
        "segmentation.json",
    ]


def test_any_phrase_makes_a_file_name(image, models, tmp_path, capsys):
    phrases = ["../../a", "ой", " ".join(["ball"] * 12), "red ball", "red ball"]
    status = main(["segment", str(image), *phrases, *models, "--output", str(tmp_path / "out")])
    assert (status, capsys.readouterr().err) == (0, "")
    names = [path.name for path in (tmp_path / "out").glob("ldznet-[0-9]*.png")]
    assert sorted(names) == [
        "ldznet-1-a.png",
        "ldznet-2.png",
        "ldznet-3-ball-ball-ball-ball-ball-ball-ball-ball.png",
        "ldznet-4-red-ball.png",
        "ldznet-5-red-ball.png",
    ]


# Found out before any model is loaded, so each may have a process of its own.
MISTAKES = {
    "no arguments": ([], 2, "required: IMAGE, PHRASE"),
    "no phrase": (["{image}"], 2, "required: PHRASE"),
    "no output": (["{image}", "ball"], 2, "required: --output"),
    "a seed that is no number": (["{image}", "ball", "--seed", "x", "{output}"], 2, "--seed"),
    "an unknown option": (["{image}", "ball", "--colour", "red", "{output}"], 2, "--colour"),
    "no such image": (["{image}.gif", "ball", "{output}"], 1, "cannot be opened: No such file"),
    "an empty image": (["{empty}", "ball", "{output}"], 1, "0 bytes"),
    "not an image": (["{text}", "ball", "{output}"], 1, "not an image"),
    "a tiny image": (["{tiny}", "ball", "{output}"], 1, "1 x 5000 pixels, too small"),
    "an empty phrase": (["{image}", "ball", " ", "{output}"], 1, "Phrase 2 is empty"),
    "a threshold over one": (["{image}", "ball", "--threshold", "2", "{output}"], 1, "got 2.0"),
    "a threshold that is none": (["{image}", "ball", "--threshold", "nan", "{output}"], 1, "nan"),
}


@pytest.fixture
def places(tmp_path, image):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    Image.new("L", (1, 5000)).save(tmp_path / "tiny.png")
    names = {name: str(tmp_path / f"{name}.png") for name in ("empty", "text", "tiny")}
    return names | {"image": str(image), "output": f"--output={tmp_path / 'out'}"}


def listing(folder):
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line_and_nothing_is_left(places, tmp_path, mistake):
    arguments, status, message = MISTAKES[mistake]
    before = listing(tmp_path)
    done = launch("segment", *(argument.format(**places) for argument in arguments))
    assert done.returncode == status
    assert done.stdout == ""
    expect_one_line(done.stderr, message)
    assert listing(tmp_path) == before


def expect_one_line(text, message):
    assert text.startswith("ldznet: ")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert message in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "unet"], "no network 'unet'; choose from rgbnet, znet, ldznet"),
        (["--timestep", "1000"], "0 to 999; got 1000"),
        (["--seed", "-1"], "seed must be from 0"),
        (["--backbone", "absent"], "no model folder 'absent'"),
        (["--networks", "absent"], "no folder of networks 'absent'"),
    ],
)
def test_models_that_cannot_answer_are_told_likewise(
    image, models, tmp_path, capsys, options, message
):
    before = listing(tmp_path)
    command = ["segment", str(image), "ball", *models, *options, "--output", str(tmp_path / "out")]
    assert main(command) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    expect_one_line(streams.err, message)
    assert listing(tmp_path) == before


def test_damaged_weights_are_told_likewise(image, backbone_folder, networks_folder, tmp_path):
    damaged = shutil.copytree(networks_folder, tmp_path / "networks")
    (weights,) = (damaged / "ldznet").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    before = listing(tmp_path)
    models = ["--backbone", backbone_folder, "--networks", damaged]
    done = launch("segment", image, "ball", *models, "--output", tmp_path / "out")
    assert (done.returncode, done.stdout) == (1, "")
    expect_one_line(done.stderr, "'ldznet' cannot be read")
    assert listing(tmp_path) == before


def test_an_output_with_something_in_it_is_refused_and_kept(image, tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").write_text("mine")
    for output, message in (
        (full, "is not empty"),
        (image, "is a file"),
        (tmp_path / "absent" / "out", "does not exist"),
    ):
        before = listing(tmp_path)
        assert main(["segment", str(image), "ball", "--output", str(output)]) == 1
        expect_one_line(capsys.readouterr().err, message)
        assert listing(tmp_path) == before
    assert (full / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (OSError(28, "No space left\non device"), 1, "OSError: [Errno 28] No space left on device"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_a_fault_while_writing_leaves_nothing(
    image, models, tmp_path, capsys, monkeypatch, fault, status, message
):
    def fail(*args, **options):
        raise fault

    monkeypatch.setattr("numpy.savez_compressed", fail)
    before = listing(tmp_path)
    command = ["segment", str(image), "ball", *models, "--output", str(tmp_path / "out")]
    assert main(command) == status
    expect_one_line(capsys.readouterr().err, message)
    assert listing(tmp_path) == before


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args(["--help"])
    assert stopped.value.code == 0
    page = " ".join(capsys.readouterr().out.split())
    assert all(name in page and module.SUMMARY in page for name, module in COMMANDS.items())


def test_recipe_and_ensemble_reach_the_networks_and_the_report(image, models, segmenter, picture):
    folder = image.parent / "out"
    options = ["--seed", "10", "--recipe", "official", "--ensemble", "2"]
    assert main(["segment", str(image), "ball", *models, *options, "--output", str(folder)]) == 0
    report = json.loads((folder / "segmentation.json").read_text())
    recipe = (report["recipe"], report["ensemble"], report["timestep"])
    assert recipe == ("official", 2, None)
    expected = segmenter(picture, ["ball"], seed=10, recipe="official", ensemble=2)
    with np.load(folder / "probabilities.npz") as written:
        np.testing.assert_allclose(written["ldznet"], expected.probability, atol=1e-3)
