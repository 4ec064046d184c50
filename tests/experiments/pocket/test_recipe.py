import json
from dataclasses import replace

import numpy as np
import pytest

from ldznet.cli import main
from ldznet.experiments.pocket import recipe as pocket
from ldznet.networks import load_network
from ldznet.pipeline import Segmenter
from ldznet.training.loop import TrainConfig

TINY = TrainConfig(steps=2, batch_size=2, learning_rate=1e-3, warm_up=1, preview_every=2)


@pytest.fixture(scope="module")
def tiny_recipe():
    trainings = ("coarse_autoencoder", "coarse_diffusion", "autoencoder", "diffusion", "checker")
    scenes = {"single": 4, "pair": 4, "full": 4}
    recipe = replace(
        pocket.RECIPE,
        **dict.fromkeys((*trainings, "network"), TINY),
        scenes=scenes,
        fine_scenes=scenes,
        checker_scenes=4,
        mask_scenes=4,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pocket, "RECIPE", recipe)
        patch.setattr("ldznet.experiments.pocket.scenes.SHARD", 4)
        yield


@pytest.fixture(scope="module")
def trained(tiny_recipe, tmp_path_factory):
    """A folder with the whole recipe's `runs` and `assets`."""
    folder = tmp_path_factory.mktemp("trained")
    runs, output = folder / "runs", folder / "assets"
    options = ["--runs", str(runs), "--output", str(output), "--workers", "1"]
    assert main(["experiment", "pocket", *options]) == 0
    return folder


def test_the_recipe_goes_from_nothing_to_a_working_segmenter(trained):
    output = trained / "assets"
    segmenter = Segmenter.from_pretrained(
        output / "pocket", networks=output / "networks" / "pocket"
    )
    image = np.full((128, 128, 3), 200, np.uint8)
    segmentations = segmenter.compare(image, ["red car", "star"])
    assert list(segmentations) == ["rgbnet", "znet", "ldznet"]
    assert {result.probability.shape for result in segmentations.values()} == {(2, 128, 128)}
    card = json.loads((output / "networks" / "pocket" / "ldznet" / "card.json").read_text())
    assert card["result"]["samples"] == 4
    card = json.loads((output / "pocket" / "card.json").read_text())
    assert card["coarse"]["result"]["samples"] == card["autoencoder"]["result"]["samples"] == 4
    assert json.loads((output / "checker" / "card.json").read_text())["result"]["samples"] == 4
    sheets = ("coarse-autoencoder/reconstructions", "coarse-diffusion/samples")
    for sheet in (*sheets, "autoencoder/reconstructions", "diffusion/samples", "ldznet/masks"):
        assert (trained / "runs" / f"{sheet}-000002.png").exists()


def test_training_goes_on_from_finished_weights_alone(trained, tmp_path):
    first, second = trained / "assets", tmp_path / "second"
    again = ["--runs", str(tmp_path / "runs"), "--output", str(second), "--workers", "1"]
    stages = ["scenes", "diffusion", "znet"]
    options = [*again, "--continue-from", str(first), "--stages", *stages]
    assert main(["experiment", "pocket", *options]) == 0
    folders = [output / "networks" / "pocket" / "znet" for output in (first, second)]
    weights = [load_network(folder).unet.mid_block.resnets[0].conv1.weight for folder in folders]
    change = (weights[1] - weights[0]).abs().mean() / weights[0].abs().mean()
    assert 0 < change < 0.2  # trained on, and not from new random weights
    card = json.loads((second / "pocket" / "card.json").read_text())
    assert card["start"]["result"]["samples"] == 4


def test_without_a_first_stage_it_says_what_to_do(tiny_recipe, tmp_path, capsys):
    arguments = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path), "--workers", "1"]
    assert main(["experiment", "pocket", *arguments, "--stages", "diffusion"]) == 1
    assert "run the stage 'autoencoder' before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "gpu"], "name a folder for them, --output"),
        (["--recipe", "gpu", "--output", "out", "--stages", "checker"], "neither --stages"),
        (["--seconds", "60"], "is for --recipe gpu"),
    ],
)
def test_options_of_one_recipe_are_refused_by_the_other(options, message, capsys):
    assert main(["experiment", "pocket", *options]) == 1
    assert message in capsys.readouterr().err
