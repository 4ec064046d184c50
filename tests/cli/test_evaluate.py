"""`ldznet evaluate`: the file it writes, checked against scores computed another way."""

import json

import numpy as np
import pytest

from ldznet import evaluation
from ldznet.cli import main
from ldznet.data import DATASETS, open_dataset
from ldznet.data.shapes import STYLES
from ldznet.pipeline import Segmenter
from ldznet.types import Sample

COUNT, PER_SCENE = 3, 2


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a random pocket, which knows the drawn world's words, and networks on it."""
    from ldznet.backbone.pocket import build_pocket
    from ldznet.data.shapes import WORDS
    from ldznet.networks import NETWORKS
    from ldznet.training.network import fitting_network

    folder = tmp_path_factory.mktemp("weights")
    pocket = build_pocket(WORDS)
    for part in ("vae", "unet", "text_encoder", "tokenizer", "scheduler"):
        getattr(pocket, part).save_pretrained(folder / "pocket" / part)
    for name in NETWORKS:
        network = fitting_network(name, pocket, seed=0, from_backbone=False)
        network.save_pretrained(folder / "networks" / name)
    return folder


@pytest.fixture
def evaluate(tmp_path, weights):
    """Runs the command on the random networks; gives its status and the file it was to write."""

    def run(*options, output=tmp_path / "scores.json"):
        status = main(
            [
                "evaluate",
                *("--count", str(COUNT), "--phrases-per-scene", str(PER_SCENE)),
                *("--backbone", str(weights / "pocket"), "--networks", str(weights / "networks")),
                *("--output", str(output), *options),
            ]
        )
        return status, output

    return run


def test_scores_equal_those_of_a_loop_over_the_dataset(evaluate, weights):
    segmenter = Segmenter.from_pretrained(weights / "pocket", networks=weights / "networks")
    status, path = evaluate("--styles", "flat", "--seed", "5", "--timestep", "321")
    assert status == 0
    scored = json.loads(path.read_text())["sets"]["flat"]
    assert (scored["scenes"], scored["phrases"]) == (COUNT, COUNT * PER_SCENE)
    ratios = {name: [] for name in [*segmenter.networks, "everything", "nothing"]}
    options = {"style": "flat", "count": COUNT, "phrases_per_scene": PER_SCENE}
    for sample in open_dataset("shapes", "test", **options):
        masks = {"everything": np.ones_like(sample.mask), "nothing": np.zeros_like(sample.mask)}
        for name in segmenter.networks:
            segmentation = segmenter(sample.image, [sample.phrase], name, seed=5, timestep=321)
            masks[name] = segmentation.mask[0]
        for name, mask in masks.items():
            ratios[name].append((mask & sample.mask).sum() / (1 + (mask | sample.mask).sum()))
    # A pixel may cross the threshold when phrases run as a batch, up to float rounding.
    for name, expected in ratios.items():
        overall = scored["scores"][name]["overall"]
        assert overall["mean_iou"] == pytest.approx(np.mean(expected), abs=1e-3)
        assert overall["count"] == COUNT * PER_SCENE
    assert list(scored["scores"]) == list(ratios)


def test_all_styles_and_chosen_networks(evaluate, capsys):
    status, path = evaluate("--styles", "all", "--count", "1", "--network", "znet", "rgbnet")
    assert status == 0
    result = json.loads(path.read_text())
    assert list(result["sets"]) == list(STYLES)
    table = capsys.readouterr().out
    for style, scored in result["sets"].items():
        assert list(scored["scores"]) == ["znet", "rgbnet", "everything", "nothing"]
        assert f"{style}: 1 scenes, 2 phrases" in table


def test_the_file_says_how_it_was_made_and_names_no_folder(evaluate, weights):
    text = evaluate("--seed", "7")[1].read_text()
    result = json.loads(text)
    assert str(weights.parent) not in text
    for option in ("--count 3", "--seed 7", "--styles photo", "--output scores.json"):
        assert option in result["command"]
    assert result["seed"] == 7
    assert {"processor", "cores", "torch"} <= result["machine"].keys()
    assert result["commit"]


def test_the_same_command_gives_the_same_scores(evaluate, tmp_path):
    first, second = (
        json.loads(evaluate("--count", "1", output=tmp_path / name)[1].read_text())["sets"][
            "photo"
        ]["scores"]
        for name in ("first.json", "second.json")
    )
    assert first == second


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--styles", "cubist"), "Style must be one of"),
        (("--count", "0"), "scenes"),
        (("--phrases-per-scene", "0"), "phrase"),
        (("--threshold", "0.55"), "0.55 is none of them"),
        (("--timestep", "1000"), "timestep must be from 0 to 999"),
        (("--network", "unet"), "There is no network 'unet'"),
        (("--dataset", "coco"), "Data set must be one of"),
    ],
)
def test_wrong_options_end_in_one_sentence_and_no_file(evaluate, capsys, options, sentence):
    status, path = evaluate(*options)
    lines = capsys.readouterr().err.strip().splitlines()
    assert status == 1
    assert len(lines) == 1
    assert sentence in lines[0]
    assert list(path.parent.iterdir()) == []


def test_an_output_that_cannot_be_is_refused(evaluate, tmp_path, capsys):
    for output in (tmp_path, tmp_path / "missing" / "scores.json"):
        assert evaluate(output=output)[0] == 1
        assert "output" in capsys.readouterr().err


def test_a_failure_keeps_the_older_file(evaluate, tmp_path, monkeypatch):
    path = tmp_path / "scores.json"
    path.write_text("older")

    def break_off(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("ldznet.evaluation.evaluate", break_off)
    assert evaluate()[0] == 130
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


class Squares(list):
    """A data set of its own: so many pictures of one square each, without styles."""

    def __init__(self, split, count=2):
        assert split == "test"
        for number in range(count):
            mask = np.zeros((128, 128), bool)
            mask[:64, : 32 * (number + 1)] = True
            image = np.repeat(mask[..., None] * np.uint8(200), 3, axis=-1)
            super().append(Sample(image, "square", mask, f"squares/{split}/{number}", "category"))


def test_a_data_set_added_in_memory_is_evaluated(evaluate, weights, monkeypatch, capsys):
    monkeypatch.setitem(DATASETS, "squares", Squares)
    status, path = evaluate("--dataset", "squares", "--count", "2", "--network", "znet")
    assert status == 0
    result = json.loads(path.read_text())
    assert "--dataset squares" in result["command"]
    assert "--phrases-per-scene" not in result["command"]  # it takes no such option
    scored = result["sets"]["squares"]
    assert scored["phrases"] == 2
    areas = np.array([64 * 32, 64 * 64])
    everything = scored["scores"]["everything"]["overall"]["mean_iou"]
    assert everything == pytest.approx((areas / (1 + 128**2)).mean())
    segmenter = Segmenter.from_pretrained(
        weights / "pocket", networks=weights / "networks", names=["znet"]
    )
    own = evaluation.evaluate(segmenter, Squares("test"), ["znet"])["znet"].overall
    assert scored["scores"]["znet"]["overall"]["mean_iou"] == own.mean_iou
    assert "squares: 2 scenes, 2 phrases" in capsys.readouterr().out
    assert evaluate("--dataset", "squares", "--styles", "photo")[0] == 1
    assert "has no styles" in capsys.readouterr().err
