"""The explorer's handlers as plain functions: values in, values of the outputs out."""

import copy
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldznet.backbone import generate
from ldznet.inspection import (
    attention_words,
    fusion_point,
    inspect_latent,
    self_attention_point,
    subject_of_image,
)
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Drawing, Picture
from ldznet.ui.tabs.attention import page
from ldznet.ui.tabs.attention.handlers import SKIP, Handlers, blocks_by_stride
from ldznet.ui.tabs.attention.inside import Asked, Choices, first_point
from ldznet.ui.tabs.attention.layout import CHOOSE, PRESETS, Messages
from ldznet.ui.tabs.attention.page import VIEWS, Shown, look_into, show

BLOCKS = (3, 11)
CONTROLS = (*blocks_by_stride(BLOCKS), False, 14, 8, 12)
CHOICES = Choices(BLOCKS, False, 14, 8, 12)
ASKED = Asked("red ball", 300, 0)


@pytest.fixture(scope="module")
def handlers(segmenter):
    return Handlers(Models(segmenter, "random"), read_examples())


@pytest.fixture
def inside(handlers, picture):
    return look_into(handlers.models, Picture(picture, "test"), ASKED)


@pytest.fixture
def upload(tmp_path, picture):
    path = tmp_path / "upload.png"
    Image.fromarray(picture[:, ::-1].copy()).save(path)
    return str(path)


@pytest.fixture
def no_pass(monkeypatch):
    """From when it is called, any model's pass fails the test."""

    def forbid():
        for name in ("run_unet", "run_network", "text_change", "features_over_blocks"):
            monkeypatch.setattr(page, name, lambda *_, **__: pytest.fail("a model ran"))

    return forbid


def split(outputs):
    """An answer by name."""
    inside, step, x, y, *rest = outputs
    places, views = len(Messages._fields), len(Shown._fields)
    settings, python, shell = rest[places + views :]
    return SimpleNamespace(
        inside=inside,
        step=step,
        point=(x, y),
        messages=Messages(*rest[:places]),
        shown=Shown(*rest[places : places + views]),
        settings=settings,
        python=python,
        shell=shell,
    )


def event(**values):
    return SimpleNamespace(**values)


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_visible_view_is_computed(handlers, inside, view):
    answer = split(handlers.look(inside, view, *CONTROLS))
    assert {name for name in VIEWS if getattr(answer.shown, name) is not SKIP} == {view}
    assert "<figure" in getattr(answer.shown, view) or "frames" in getattr(answer.shown, view)
    assert set(answer.messages) == {""}


def test_a_run_looks_into_the_file_with_its_settings(handlers, inside, upload, segmenter):
    answer = split(handlers.run(inside, "words", upload, " the  car ", 250, 7, *CONTROLS))
    assert answer.inside.asked == ("the car", 250, 7)
    subject = subject_of_image(segmenter, upload)
    expected = attention_words(
        segmenter.backbone, subject, "the car", timestep=250, blocks=BLOCKS, seed=7
    )
    _, found = page.find_words(handlers.models, answer.inside, CHOICES)
    assert np.array_equal(found.maps, expected.maps)
    assert "upload.png" in answer.settings
    assert answer.shown.words.count('data-pick="word:') == len(expected.words) == 4


def test_another_word_runs_no_model(handlers, inside, no_pass):
    first = split(handlers.look(inside, "words", *CONTROLS))
    no_pass()
    picked = event(pick="word:1")
    second = split(handlers.enlarge(picked, first.inside, "words", *CONTROLS))
    titles = [re.search("<strong>(.*?)</strong>", each.shown.words)[1] for each in (first, second)]
    assert titles == ["ball", "red"]


def test_other_blocks_of_the_same_pass_run_no_model(handlers, inside, no_pass, segmenter):
    first = split(handlers.look(inside, "words", *CONTROLS))
    no_pass()
    row, *rest = handlers.choose_preset(first.inside, "words", "8×", *CONTROLS)
    groups, answer = rest[:4], split(rest[4:])
    assert not row.visible
    assert groups == [[], [], [], [7]]
    assert answer.shown.words != first.shown.words
    row, *rest = handlers.choose_preset(first.inside, "words", CHOOSE, *CONTROLS)
    assert row.visible
    assert rest[:4] == list(CONTROLS[:4])


def test_another_point_runs_no_model_and_shows_its_own_maps(handlers, inside, no_pass, segmenter):
    first = split(handlers.look(inside, "point", *CONTROLS))
    no_pass()
    height, width = inside.subject.image.shape[:2]
    picked = event(x=0.9, y=0.1)
    second = split(handlers.point_at(picked, first.inside, "point", *CONTROLS))
    assert second.point == (int(0.9 * width), int(0.1 * height))
    assert second.shown.point != first.shown.point
    _, (attention, fusion) = page.find_point(handlers.models, second.inside, CHOICES)
    subject, at = inside.subject, second.point
    noise = {"timestep": ASKED.timestep, "seed": ASKED.seed}
    expected = self_attention_point(segmenter.backbone, subject, "red ball", *at, block=14, **noise)
    assert np.allclose(attention.map, expected.map, atol=1e-6)
    expected = fusion_point(segmenter, subject, "red ball", *at, block=8, **noise)
    assert np.allclose(fusion.map, expected.map, atol=1e-6)
    assert f"{fusion.pooled_share:.0%}".replace("%", " %") in second.shown.point


def test_typing_a_point_is_not_overwritten_by_its_answer(handlers, inside):
    answer = split(handlers.point(inside, "point", 5, 9, *CONTROLS))
    assert answer.inside.point == (5, 9)
    assert all(value is SKIP for value in answer.point)
    assert inside.point != (5, 9)  # what a session held before stays as it was


def test_results_kept_stay_bounded(handlers, inside):
    for timestep in (100, 200, 300):
        inside = replace(inside, asked=ASKED._replace(timestep=timestep))
        for view in VIEWS:
            inside = split(handlers.look(inside, view, *CONTROLS)).inside
    assert len(inside.kept) <= 9
    assert copy.deepcopy(inside) is inside  # a new session costs no memory


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, 10_000), (None, 3), (1.5, 3)])
def test_a_point_outside_is_one_sentence_and_changes_nothing(handlers, inside, x, y):
    answer = split(handlers.point(inside, "point", x, y, *CONTROLS))
    assert "error" in answer.messages.point
    assert answer.inside is SKIP
    assert all(shown is SKIP for shown in answer.shown)


@pytest.mark.parametrize(
    ("text", "timestep", "seed", "place", "said"),
    [
        ("", 300, 0, "phrases", "empty"),
        ("  ", 300, 0, "phrases", "empty"),
        ("red " * 30, 300, 0, "phrases", "too long"),
        ("x" * 300, 300, 0, "phrases", "200"),
        ("car", 1000, 0, "settings", "999"),
        ("car", None, 0, "settings", "timestep"),
        ("car", 300, -1, "settings", "seed must be from 0"),
        ("car", 300, 1.5, "settings", "seed as a whole number; got 1.5"),
        ("car", 300, None, "settings", "seed as a whole number"),
        ("car", -5, 0, "settings", "timestep must be from 0"),
    ],
)
def test_complaints_stand_beside_their_control(
    handlers, inside, upload, text, timestep, seed, place, said
):
    answer = split(handlers.run(inside, "words", upload, text, timestep, seed, *CONTROLS))
    assert said in getattr(answer.messages, place)
    assert [name for name in Messages._fields if getattr(answer.messages, name)] == [place]
    assert answer.inside is SKIP


def test_no_picture_and_no_block_are_complaints_too(handlers, inside):
    answer = split(handlers.run(inside, "words", None, "car", 300, 0, *CONTROLS))
    assert "Choose a picture" in answer.messages.picture
    nothing = split(handlers.look(inside, "words", [], [], [], [], *CONTROLS[4:]))
    assert "Choose at least one block." in nothing.messages.blocks


def test_unknown_words_are_named_beside_the_result(handlers, pocket):
    example = handlers.examples[0].comparison.picture
    known = Handlers(Models(pocket), handlers.examples)
    unknown = look_into(known.models, example, ASKED._replace(phrase="red dragon"))
    answer = split(known.look(unknown, "words", *CONTROLS))
    assert "dragon" in answer.messages.phrases
    assert "<figure" in answer.shown.words


def test_an_example_brings_its_picture_and_phrase(handlers):
    picked = event(pick="3")
    image, phrase, *answer = handlers.pick_example(picked, "latent", 300, 0, *CONTROLS)
    example = handlers.examples[3].comparison
    assert np.array_equal(image, example.picture.image)
    assert phrase == example.phrases[0]
    assert split(answer).inside.asked == (phrase, 300, 0)


def test_a_generation_can_be_scrubbed_step_by_step(handlers, segmenter):
    made = generate(segmenter.backbone, "red ball", steps=5, seed=3)
    drawing = Drawing(made, "random")
    image, phrase, timestep, *answer = handlers.take(drawing, "words", "", 300, 0, *CONTROLS)
    answer = split(answer)
    assert np.array_equal(image, made.image)
    assert (phrase, timestep in made.trajectory) == ("red ball", True)
    assert (answer.step["visible"], answer.step["maximum"]) == (True, 5)
    visited = list(made.trajectory)
    refused = handlers.scrub(answer.inside, "words", 6, *CONTROLS)
    assert "5 steps" in split(refused[1:]).messages.settings
    for step in (1, 5):
        timestep, *scrubbed = handlers.scrub(answer.inside, "words", step, *CONTROLS)
        assert timestep == visited[step - 1]
        scrubbed = split(scrubbed)
        assert f"step {step} of 5" in scrubbed.settings
        _, found = page.find_words(handlers.models, scrubbed.inside, CHOICES)
        again = attention_words(
            segmenter.backbone, answer.inside.subject, "red ball", timestep=timestep, blocks=BLOCKS
        )
        assert np.array_equal(found.maps, again.maps)


def test_a_timestep_between_the_samplers_steps_is_said_to_be_none(handlers, segmenter, tmp_path):
    made = generate(segmenter.backbone, "red ball", steps=5, seed=3)
    drawing = Drawing(made, "random")
    image, *_, inside = handlers.take(drawing, "words", "", 300, 0, *CONTROLS)[:4]
    path = tmp_path / "drawn.png"
    Image.fromarray(image).save(path)

    def run(timestep):
        asked = str(path), "red ball", timestep, 0
        return split(handlers.run(inside, "words", *asked, *CONTROLS)).step

    visited = list(made.trajectory)
    between = run(visited[1] - 1)
    assert f"Timestep {visited[1] - 1} is none of these steps" in between["info"]
    assert "value" not in between
    assert run(visited[1])["value"] == 2
    assert "none of these" not in run(visited[1])["info"]
    _, _, slider, *_ = handlers.scrub(inside, "words", 3, *CONTROLS)
    assert "none of these" not in slider["info"]
    assert "value" not in slider  # a moving slider is not set back


def test_a_picture_handed_on_comes_with_its_phrase(handlers, picture):
    handed = Picture(picture, "from elsewhere", ask=("blue car",))
    _, phrase, timestep, *answer = handlers.take(handed, "text", "x", 120, 0, *CONTROLS)
    assert (phrase, timestep) == ("blue car", 120)
    assert "blue car" in split(answer).shown.text


def test_a_click_on_a_frame_chooses_its_timestep_or_block(handlers):
    assert handlers.pick_frame(event(pick="timesteps:650"), 300, 12) == (650, 12)
    assert handlers.pick_frame(event(pick="blocks:7"), 300, 12) == (300, 7)


def test_the_first_point_lies_inside_what_the_phrase_names():
    for example in read_examples():
        shown = example.comparison.picture
        for phrase, mask in shown.truth.items():
            x, y = first_point(shown, phrase, mask.shape)
            assert mask[y, x] or not mask.any()
    assert first_point(shown, "something else", (64, 96)) == (48, 32)


def test_the_reconstruction_is_told_with_its_psnr(handlers, inside, segmenter):
    view = inspect_latent(segmenter.backbone, inside.subject)
    _, drawn = show(handlers.models, inside, "latent", CHOICES)
    assert f"{view.psnr:.1f} dB" in drawn


def test_every_block_is_in_one_group():
    numbers = [number for group in blocks_by_stride(PRESETS["all"]) for number in group]
    assert sorted(numbers) == list(range(1, 17))
