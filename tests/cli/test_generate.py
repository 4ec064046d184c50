"""`python -m ldznet generate`: pictures, masks, words and exit status."""

import json

import numpy as np
import pytest
from PIL import Image

from ldznet.backbone import generate
from ldznet.cli import main

PROMPT = "a red ball and a blue car"


@pytest.fixture
def command(tmp_path, backbone_folder, networks_folder):
    """A function that runs the command on the random models, into `tmp_path / "out"`."""
    folders = ["--backbone", str(backbone_folder), "--networks", str(networks_folder)]

    def run(*arguments):
        output = ["--output", str(tmp_path / "out")]
        return main(["generate", *map(str, arguments), *folders, *output])

    return run


def test_pictures_of_seeds_in_a_row_each_with_its_masks(command, segmenter, tmp_path, capsys):
    options = ["--negative", "a tree", "--steps", 5, "--guidance", 2, "--seed", 8, "--count", 2]
    masks = ["--segment", "red ball", "the dog", "--network", "all", "--threshold", 0.4, "--json"]
    assert command(PROMPT, *options, *masks) == 0
    streams = capsys.readouterr()
    report = json.loads(streams.out)
    folder = tmp_path / "out"
    assert report == json.loads((folder / "generation.json").read_text())
    assert list(report)[:3] == ["command", "commit", "machine"]
    assert report["command"].startswith(f"python -m ldznet generate '{PROMPT}' --negative 'a tree'")
    assert report["unknown_words"] == {"the dog": ["dog"]}
    assert [picture["seed"] for picture in report["pictures"]] == [8, 9]
    named = {folder / "generation.json"}
    for picture in report["pictures"]:
        made = generate(
            segmenter.backbone,
            PROMPT,
            negative_prompt="a tree",
            steps=5,
            guidance=2,
            seed=picture["seed"],
        )
        inside = folder / picture["folder"]
        assert np.array_equal(Image.open(inside / picture["image"]), made.image)
        assert picture["feature_timestep"] == made.feature_timestep == 401
        segmentations = segmenter.compare_generated(made, ["red ball", "the dog"])
        named |= {inside / picture["image"], inside / picture["probabilities"]}
        probabilities = np.load(inside / picture["probabilities"])
        for name, network in picture["networks"].items():
            assert np.array_equal(probabilities[name], segmentations[name].probability)
            named.add(inside / network["overlay"])
            for number, row in enumerate(network["phrases"]):
                mask = np.asarray(Image.open(inside / row["mask"]))
                assert np.array_equal(mask > 0, segmentations[name].at(0.4).mask[number])
                named.add(inside / row["mask"])
    assert named == {path for path in folder.rglob("*") if path.is_file()}


def test_without_phrases_after_it_segment_takes_the_things_of_the_prompt(command, tmp_path, capsys):
    assert command(PROMPT, "--steps", 5, "--segment") == 0
    folder = tmp_path / "out" / "seed-0"
    assert sorted(path.name for path in folder.iterdir()) == [
        "ldznet-1-red-ball.png",
        "ldznet-2-blue-car.png",
        "ldznet-overlay.png",
        "picture.png",
        "probabilities.npz",
    ]
    assert "seed-0/ldznet-1-red-ball.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("steps", "options", "features"),
    [
        (5, [], "reused"),
        (5, ["--exact"], "read anew for each phrase"),
        (2, [], "read anew for each phrase"),  # visits no timestep whose features would serve
    ],
)
def test_it_says_which_features_were_read(command, tmp_path, segmenter, steps, options, features):
    assert command(PROMPT, "--steps", steps, "--segment", "ball", *options) == 0
    report = json.loads((tmp_path / "out" / "generation.json").read_text())
    (picture,) = report["pictures"]
    assert picture["features"] == features
    made = generate(segmenter.backbone, PROMPT, steps=steps)
    reuse = features == "reused"
    segmentations = segmenter.compare_generated(made, ["ball"], ["ldznet"], reuse=reuse)["ldznet"]
    written = np.load(tmp_path / "out" / "seed-0" / picture["probabilities"])["ldznet"]
    assert np.array_equal(written, segmentations.probability)


def test_pictures_alone_need_no_networks(tmp_path, backbone_folder, capsys):
    output = tmp_path / "out"
    options = ["--backbone", str(backbone_folder), "--steps", "1", "--output", str(output)]
    assert main(["generate", "a red zebra", *options]) == 0
    assert "does not know zebra" in capsys.readouterr().out
    files = [path.relative_to(output).as_posix() for path in output.rglob("*.*")]
    assert sorted(files) == ["generation.json", "seed-0/picture.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([" "], "The prompt is empty"),
        (["red " * 20], "would cut the last 6 words, 'red red red red red red'"),
        ([PROMPT, "--steps", "0"], "steps must be from 1 to 100; got 0"),
        ([PROMPT, "--guidance", "99"], "guidance must be from 1 to 30"),
        ([PROMPT, "--seed", "-1"], "seed must be from 0"),
        ([PROMPT, "--count", "5"], "1 to 4 pictures"),
        ([PROMPT, "--segment", " "], "Phrase 1 is empty"),
        (["of the", "--segment"], "names nothing to segment"),
        ([PROMPT, "--segment", "ball", "--network", "unet"], "no network 'unet'"),
        ([PROMPT, "--threshold", "2"], "probability, 0 to 1"),
        ([PROMPT, "--exact"], "say what to find with --segment"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_nothing_is_left(
    command, tmp_path, capsys, arguments, message
):
    assert command(*arguments) == 1
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.startswith("ldznet: ")
    assert streams.err.count("\n") == 1
    assert message in streams.err
    assert list(tmp_path.iterdir()) == []
