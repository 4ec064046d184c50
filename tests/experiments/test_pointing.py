"""The pointing game: its targets, its rule, its choice, and the file behind the tab's defaults."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ldznet import inspection
from ldznet.blocks import BLOCKS
from ldznet.cli import main
from ldznet.data.shapes import STYLES, draw_scene
from ldznet.experiments.pointing import GROUPS, Game, Target, choose, draw_targets, play
from ldznet.inspection import run_unet, subject_of_image, words_of

RESULT = Path(__file__).parents[2] / "assets" / "benchmarks" / "pointing.json"


def test_targets_are_named_in_both_texts_and_lie_in_test_scenes():
    targets = draw_targets(40)
    for number, target in enumerate(targets):
        scene = draw_scene(number)
        assert (target.image == scene.image).all()
        colour, noun = target.phrase.split()
        named = [each for each in scene.objects if (each.colour, each.category) == (colour, noun)]
        assert named
        assert (target.mask == np.logical_or.reduce([each.mask for each in named])).all()
        assert target.nouns[target.phrase] == (1,)
        words = target.caption.split()
        assert target.nouns[target.caption]
        for place in target.nouns[target.caption]:
            assert words[place - 1] == colour
            assert words[place].startswith(noun)
    assert {draw_scene(number).style for number in range(40)} == set(STYLES)
    assert len({len(draw_scene(number).objects) for number in range(40)}) > 2


def test_groups_cover_the_blocks_by_stride_and_way():
    assert [GROUPS[f"block {number}"] for number in range(1, 17)] == [(n,) for n in range(1, 17)]
    assert GROUPS["down, stride 2"] == (3, 4)
    assert GROUPS["up, stride 2"] == (11, 12, 13)
    assert GROUPS["stride 4"] == (5, 6, 8, 9, 10)
    assert GROUPS["all blocks"] == tuple(range(1, 17))


@pytest.fixture(scope="module")
def targets():
    """Pictures of 64 x 64, all of random pixels, with masks of random halves."""
    random = np.random.default_rng(0)
    return [
        Target(
            image=random.integers(0, 256, (64, 64, 3), np.uint8),
            mask=random.random((64, 64)) < 0.5,
            phrase="red ball",
            caption="the blue car and a red ball",
            nouns={"red ball": (1,), "the blue car and a red ball": (5,)},
        )
        for _ in range(3)
    ]


def test_a_hit_is_a_maximum_inside_the_mask(segmenter, targets):
    """Against the maps the tab shows: the same noun, blocks, timestep and noise."""
    backbone = segmenter.backbone
    game = play(backbone, targets, timesteps=[150, 600])
    for number, target in enumerate(targets):
        subject = subject_of_image(segmenter, target.image)
        for text, token in (("phrase", 2), ("caption", 6)):
            words = getattr(target, text)
            recording = run_unet(backbone, subject, words, timestep=600, seed=number, words=BLOCKS)
            for group, blocks in GROUPS.items():
                shown = words_of(recording, blocks)
                enlarged = torch.nn.functional.interpolate(
                    torch.from_numpy(shown.maps[token])[None, None], size=(64, 64), mode="bilinear"
                )[0, 0].numpy()
                row = list(GROUPS).index(group)
                peak = np.unravel_index(enlarged.argmax(), enlarged.shape)
                # Where two cells tie up to rounding, either may be the maximum.
                near = enlarged >= enlarged[peak] * (1 - 1e-5)
                hit = game.hits[text][number, row, 1]
                assert hit in set(target.mask[near].tolist()), (text, group)
    masks = np.stack([target.mask for target in targets])
    assert game.chance == pytest.approx(masks.sum() / masks.size)
    assert game.centre == pytest.approx(masks[:, 32, 32].mean())


def test_a_mask_of_everything_is_always_hit_and_of_nothing_never(segmenter, targets):
    def filled(value):
        mask = np.full((64, 64), value)
        return [Target(t.image, mask, t.phrase, t.caption, t.nouns) for t in targets]

    assert all(hits.all() for hits in play(segmenter.backbone, filled(True), [300]).hits.values())
    assert not any(
        hits.any() for hits in play(segmenter.backbone, filled(False), [300]).hits.values()
    )


def test_the_setting_is_chosen_on_even_scenes_and_judged_on_odd():
    hits = np.zeros((8, len(GROUPS), 2), bool)
    hits[::2, 3, 1] = True  # block 4 at the second timestep: every even scene
    hits[1, 3, 1] = True  # and one odd scene of four
    hits[1::2, 5, 0] = True  # block 6 is better on the odd ones, which must not count
    choice = choose(Game({"phrase": hits}, (100, 200), 0.1, 0.1))
    assert (choice.group, choice.blocks, choice.timestep) == ("block 4", (4,), 200)
    assert (choice.chosen_at, choice.held_out) == (1, 0.25)
    assert choice.standard_error == pytest.approx((0.25 * 0.75 / 4) ** 0.5)


def test_the_command_writes_the_rates(tmp_path, capsys):
    output = tmp_path / "pointing.json"
    arguments = ["--count", "2", "--timesteps", "100", "400", "--output", str(output)]
    assert main(["experiment", "pointing", *arguments]) == 0
    result = json.loads(output.read_text())
    assert result["command"].startswith("python -m ldznet experiment pointing --count 2")
    assert result["scenes"] == 2
    for rates in result["hit_rates"].values():
        assert list(rates) == list(result["groups"])
        assert all(len(row) == 2 and set(row) <= {0, 0.5, 1} for row in rates.values())
    assert "a random pixel" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--count", "1"], "2 to 100000 scenes"), (["--timesteps", "1000"], "from 0 to 999")],
)
def test_what_cannot_be_played_is_refused(tmp_path, capsys, arguments, sentence):
    assert (
        main(["experiment", "pointing", *arguments, "--output", str(tmp_path / "pointing.json")])
        == 1
    )
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_tabs_defaults_are_the_setting_that_pointed_best():
    result = json.loads(RESULT.read_text())
    assert result["scenes"] >= 300
    assert result["choice"]["timestep"] == inspection.DEFAULT_TIMESTEP
    assert list(inspection.DEFAULT_BLOCKS) == result["choice"]["blocks"]
    assert result["choice"]["held_out"] > 3 * result["chance"]
