"""Recipes and ensembles: the official steps written out, and members that can be had one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from ldznet.backbone import generate
from ldznet.pipeline import Settings
from ldznet.pipeline.recipe import (
    TEMPLATES,
    deterministic_passes,
    official_passes,
    spread_timestep,
    usable_templates,
)
from ldznet.types import Encoding
from tests.conftest import features_of

PHRASES = ["ball", "star"]
PLAN = Settings(seed=7, recipe="official")


def test_timesteps_are_spread_over_the_range_however_many_there_are():
    assert spread_timestep(0) == 400
    for count in (2, 4, 8, 16):
        edges = [300, *sorted(spread_timestep(member) for member in range(count)), 500]
        # No gap wider than 2.7 times what an even spread over 200 steps would leave.
        assert all(0 < gap <= 2.7 * 200 / count for gap in np.diff(edges))


def test_the_first_member_is_the_plain_call(segmenter, picture):
    plain = segmenter.compare(picture, PHRASES, seed=3, timestep=350, template="the {}")
    same = segmenter.compare(picture, PHRASES, seed=3, timestep=350, template="the {}", ensemble=1)
    settings = Settings(seed=3, timestep=350, template="the {}", ensemble=5)
    first = deterministic_passes(PHRASES, settings, TEMPLATES)[0]
    assert (first.rows, first.seed, first.timestep) == ((0, 1), 3, 350)
    assert first.texts == ("the ball", "the star")
    for name in plain:
        assert plain[name].probability.tobytes() == same[name].probability.tobytes()


def test_an_ensemble_is_the_mean_of_its_members(segmenter, picture, monkeypatch):
    others = ("the {}", "all {}")
    passes = deterministic_passes(PHRASES, Settings(seed=3, ensemble=4), others)
    assert len({member.seed for member in passes}) == 4
    assert len({member.timestep for member in passes}) == 4
    assert [member.texts[0] for member in passes] == [
        "ball",
        "the ball",
        "all ball",
        "ball",
    ]
    monkeypatch.setattr(segmenter, "templates", others)
    found = segmenter.compare(picture, PHRASES, seed=3, ensemble=4)
    for name in ("znet", "ldznet"):
        alone = [
            segmenter(
                picture,
                PHRASES,
                name,
                seed=member.seed,
                timestep=member.timestep,
                template=member.texts[0].replace("ball", "{}"),
            ).probability
            for member in passes
        ]
        np.testing.assert_allclose(found[name].probability, np.mean(alone, axis=0), atol=1e-5)
        assert np.abs(alone[1] - alone[0]).max() > 1e-3


def test_what_reads_no_noise_runs_once_for_all_noises(segmenter, picture, monkeypatch):
    monkeypatch.setattr(segmenter, "templates", ())
    ran = []
    hooks = [
        network.register_forward_pre_hook(lambda *_, name=name: ran.append(name))
        for name, network in segmenter.networks.items()
    ]
    plain = segmenter.compare(picture, PHRASES)["znet"].probability
    ran.clear()
    found = segmenter.compare(picture, PHRASES, ["znet", "ldznet"], ensemble=4)
    for hook in hooks:
        hook.remove()
    assert Counter(ran) == {"znet": 1, "ldznet": 4}
    assert np.array_equal(found["znet"].probability, plain)


@pytest.mark.parametrize("recipe", ["deterministic", "official"])
def test_an_ensemble_repeats_itself_and_encodes_the_image_once(
    segmenter, picture, monkeypatch, recipe
):
    first = segmenter(picture, PHRASES, seed=3, recipe=recipe, ensemble=3)
    seen, encode = [], segmenter.backbone.vae.encode
    monkeypatch.setattr(segmenter.backbone.vae, "encode", lambda x: seen.append(x) or encode(x))
    again = segmenter(picture, PHRASES, seed=3, recipe=recipe, ensemble=3)
    assert [x.shape[0] for x in seen] == [1]
    assert first.probability.tobytes() == again.probability.tobytes()


def test_an_ensemble_uses_words_the_backbone_was_taught_and_has_room_for(pocket):
    known = ["a photo of a {}.", "{}.", "a photo of the {}."]
    assert usable_templates(pocket.backbone, TEMPLATES, PHRASES) == known
    assert usable_templates(pocket.backbone, TEMPLATES, ["ball", "red " * 27 + "ball"]) == ["{}."]
    assert usable_templates(pocket.backbone, TEMPLATES, ["red " * 29 + "ball"]) == []
    assert pocket.templates == ()  # its networks were trained in none of them


def test_the_official_recipe_draws_anew_for_every_phrase():
    phrases = [f"thing {number}" for number in range(1000)]
    passes = official_passes(phrases, PLAN)
    assert [each.rows for each in passes] == [(row,) for row in range(1000)]
    templates = Counter(
        each.texts[0].replace(phrase, "{}") for each, phrase in zip(passes, phrases, strict=True)
    )
    assert set(templates) == set(TEMPLATES)
    assert min(templates.values()) > 1000 / 9 / 2
    timesteps = [each.timestep for each in passes]
    assert (min(timesteps), max(timesteps)) == (300, 499)
    assert len({each.seed for each in passes} | {a.posterior_seed for a in passes}) == 2000
    assert passes == official_passes(phrases, PLAN)
    assert passes != official_passes(phrases, replace(PLAN, seed=8))


def test_the_official_recipe_is_the_official_walk(segmenter, picture):
    """Every step with the stock parts; only what is random is each of the recipe."""
    backbone, network = segmenter.backbone, segmenter.networks["ldznet"]
    (each,) = official_passes(["ball"], replace(PLAN, template="one {}."))
    resized = Image.fromarray(picture).resize((64, 32), Image.Resampling.LANCZOS)  # 82 x 49, down
    pixels = torch.tensor(np.asarray(resized) / 255 * 2 - 1, dtype=torch.float32)
    pixels = pixels.permute(2, 0, 1)[None]
    posterior = backbone.vae.encode(pixels).latent_dist
    sample = posterior.sample(torch.Generator().manual_seed(each.posterior_seed))
    latents = sample * backbone.vae.config.scaling_factor
    text = backbone.encode_text(each.texts)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(each.seed))
    noisy = backbone.scheduler.add_noise(latents, noise, torch.tensor([each.timestep]))
    features = features_of(backbone, noisy, text, each.timestep)
    with torch.no_grad():
        probability = network(Encoding(pixels, latents, text, features)).sigmoid()
    expected = functional.interpolate(probability, (48, 80), mode="bilinear", antialias=True)
    found = segmenter(picture, ["ball"], seed=7, recipe="official", template="one {}.")
    np.testing.assert_allclose(found.probability, expected[:, 0].detach().numpy(), atol=1e-5)
    other = segmenter(picture, ["ball"], seed=8, recipe="official", template="one {}.")
    assert np.abs(other.probability - found.probability).max() > 1e-3


def test_an_official_answer_does_not_depend_on_the_phrases_beside_it(segmenter, picture):
    short = {"template": "the {}"}  # the tiny text encoder reads 14 tokens
    together = segmenter(picture, ["red car", *PHRASES], recipe="official", ensemble=2, **short)
    alone = segmenter(picture, ["star"], recipe="official", ensemble=2, **short)
    np.testing.assert_allclose(together.probability[2], alone.probability[0], atol=1e-5)


def test_what_is_given_is_not_drawn():
    for each in official_passes(PHRASES, replace(PLAN, timestep=5, template="the {}")):
        assert each.timestep == 5
        assert each.texts[0].startswith("the ")


def test_a_generated_picture_takes_an_ensemble_where_it_is_read_anew(segmenter):
    drawn = generate(segmenter.backbone, "red ball", steps=4)
    options = {"networks": ["ldznet"], "reuse": False}
    plain = segmenter.compare_generated(drawn, ["ball"], **options)["ldznet"].probability
    mean = segmenter.compare_generated(drawn, ["ball"], ensemble=2, **options)["ldznet"].probability
    assert np.abs(mean - plain).max() > 0
    with pytest.raises(ValueError, match=r"one reading, not several; .* reuse=False\.$"):
        segmenter.compare_generated(drawn, ["ball"], ensemble=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": "random"}, "no recipe 'random'; choose from deterministic, official"),
        ({"ensemble": 0}, "from 1 to 16 members; got 0"),
        ({"ensemble": 17}, "from 1 to 16 members; got 17"),
        ({"recipe": "official", "template": "a"}, "once"),
        ({"recipe": "official", "timestep": 1000}, "timestep must be from 0 to 999"),
        ({"recipe": "official", "image": Image.new("RGB", (160, 16))}, "too narrow for the offic"),
    ],
)
def test_bad_recipes_are_refused_before_any_model_runs(
    segmenter, picture, monkeypatch, change, message
):
    monkeypatch.delattr(type(segmenter.backbone), "encode_image")
    monkeypatch.delattr(type(segmenter.backbone), "encode_posterior")
    with pytest.raises(ValueError, match=message):
        segmenter.compare(**{"image": picture, "phrases": ["ball"]} | change)
