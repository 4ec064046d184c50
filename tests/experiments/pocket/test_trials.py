from dataclasses import replace

import numpy as np
import pytest
import torch

from ldznet.backbone.pocket import COARSE, FINE, build_pocket
from ldznet.cli import main
from ldznet.data.shapes import WORDS, draw_scene
from ldznet.experiments import samples
from ldznet.experiments.checker import DetectedObject
from ldznet.experiments.pocket import recipe as pocket
from ldznet.experiments.pocket import trials
from ldznet.experiments.pocket.diffusion import Denoiser
from ldznet.training.loop import TrainConfig


def test_trials_of_five_minutes_differ_from_the_recipe_in_one_thing():
    recipe = pocket.RECIPE.coarse_diffusion
    short = [vars(each) for each in trials.VARIANTS.values() if each.minutes == 5]
    first, *others = short
    assert (first["batch_size"], first["learning_rate"]) == (
        recipe.batch_size,
        recipe.learning_rate,
    )
    for variant in others:
        assert len([name for name in first if variant[name] != first[name]]) == 1
    assert {each["size"].cells for each in short} == {COARSE.cells}  # whose losses compare
    long = [each for each in trials.VARIANTS.values() if each.minutes > 5]
    assert [each.size for each in long] == [COARSE, FINE]


@pytest.mark.parametrize("optimizer", ["AdamW", "Muon"])
def test_every_weight_is_trained_once_and_muon_has_only_matrices(optimizer):
    denoiser = Denoiser(build_pocket(WORDS))
    optimizers = trials.new_optimizers(denoiser, trials.Variant(optimizer=optimizer))
    given = {
        type(each).__name__: [weight for group in each.param_groups for weight in group["params"]]
        for each in optimizers
    }
    together = [id(weight) for weights in given.values() for weight in weights]
    assert sorted(together) == sorted(id(weight) for weight in denoiser.parameters())
    if optimizer == "Muon":
        assert {weight.ndim for weight in given["Muon"]} == {2}
        vocabulary = denoiser.text_encoder.get_input_embeddings().weight
        assert all(weight is not vocabulary for weight in given["Muon"])


def test_pictures_are_judged_by_the_area_of_what_was_asked_for(monkeypatch):
    scenes = [draw_scene(number, None, "single") for number in range(4)]
    things = [scene.objects[0] for scene in scenes]

    def detected(category, colour, pixels):
        return DetectedObject(
            category, colour, np.arange(128 * 128).reshape(128, 128) < pixels, 1.0
        )

    other = next(each.category for each in things if each.category != things[1].category)
    answers = [
        [detected(things[0].category, things[0].colour, 100), detected(other, "another", 300)],
        [detected(other, things[1].colour, 50)],  # the colour alone
        [detected(things[2].category, "another", 50)],  # the category alone
        [],
    ]
    monkeypatch.setattr(samples, "detect_objects", lambda checker, pixels: answers)
    monkeypatch.setattr(
        samples, "draw_pictures", lambda *_, **__: np.zeros((4, 128, 128, 3), np.uint8)
    )
    assert trials.score_drawings(None, None, scenes) == {"colour": 1.25 / 4, "thing": 0.25 / 4}


def test_trials_begin_where_the_recipe_has_first_stages(tmp_path, monkeypatch, capsys):
    tiny = TrainConfig(steps=2, batch_size=2, learning_rate=1e-3, warm_up=1, preview_every=2)
    stages = ("coarse-autoencoder", "autoencoder")
    recipe = replace(pocket.RECIPE, coarse_autoencoder=tiny, autoencoder=tiny, scenes={"single": 4})
    monkeypatch.setattr(pocket, "RECIPE", recipe)
    monkeypatch.setattr(trials, "RECIPE", recipe)
    monkeypatch.setattr(trials, "HELD_OUT", 4)
    monkeypatch.setattr("ldznet.experiments.pocket.scenes.SHARD", 4)
    output = tmp_path / "trials.json"
    options = ["--runs", str(tmp_path), "--output", str(output)]
    assert main(["experiment", "trials", *options]) == 1
    assert "run the stage 'coarse-autoencoder' before" in capsys.readouterr().err
    assert not output.exists()
    recipe_of_two = ["--runs", str(tmp_path), "--workers", "1", "--stages", "scenes", *stages]
    assert main(["experiment", "pocket", *recipe_of_two]) == 0

    # In this process: another would have the recipe's own numbers.
    variant = trials.Variant(batch_size=2, minutes=0.02)
    backbone, data, held_out = trials._prepare(COARSE, tmp_path)
    before = backbone.unet.mid_block.resnets[0].conv1.weight.clone()
    steps = trials.train_for(variant, backbone, data)
    assert steps > 0
    assert not torch.equal(backbone.unet.mid_block.resnets[0].conv1.weight, before)
    losses = [trials.held_out_loss(backbone, held_out) for _ in range(2)]
    assert losses[0] == losses[1] > 0  # the noise is the same each time
