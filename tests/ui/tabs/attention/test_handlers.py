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
from ldznet.ui.tabs.attention import views
from ldznet.ui.tabs.attention.handlers import (
    ANSWER,
    CHOOSE,
    GROUPS,
    MESSAGES,
    PRESETS,
    Handlers,
    group_blocks,
    read_choices,
)
from ldznet.ui.tabs.attention.session import Choices, Question, first_point, look_into
from ldznet.ui.tabs.attention.views import VIEWS, compute_point, compute_words, show

BLOCKS = (3, 11)
CHOICES = Choices(BLOCKS, False, 14, 8, 12)
QUESTION = Question("red ball", 300, 0)
REQUEST = SimpleNamespace(session_hash=None)  # of a session that chose no backbone


@pytest.fixture(scope="module")
def handlers(segmenter):
    return Handlers(Models(segmenter, "random"), read_examples())


@pytest.fixture
def inspection(handlers, picture):
    return look_into(handlers.models.home, Picture(picture, "test"), QUESTION)


@pytest.fixture
def upload(tmp_path, picture):
    path = tmp_path / "upload.png"
    Image.fromarray(picture[:, ::-1].copy()).save(path)
    return str(path)


@pytest.fixture
def no_pass(monkeypatch):
    """From when it is called, any model's pass fails the test."""

    def forbid():
        for name in (
            "run_unet",
            "run_network",
            "text_change",
            "features_over_blocks",
            "features_over_timesteps",
            "inspect_latent",
        ):
            monkeypatch.setattr(views, name, lambda *_, **__: pytest.fail("a model ran"))

    return forbid


def messages(answer):
    """The messages that say something, by their place."""
    return {place: answer[f"{place}_message"] for place in MESSAGES if answer[f"{place}_message"]}


def is_complaint(answer):
    """Whether nothing changes but the messages."""
    return set(answer) == {f"{place}_message" for place in MESSAGES}


def event(**values):
    return SimpleNamespace(**values)


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_visible_view_is_computed(handlers, inspection, view):
    answer = handlers.look(REQUEST, inspection, view, CHOICES)
    others = {f"{name}_view" for name in VIEWS if name != view}
    assert set(answer) == set(ANSWER) - others
    assert "<figure" in answer[f"{view}_view"] or "frames" in answer[f"{view}_view"]
    assert messages(answer) == {}


def test_a_run_looks_into_the_file_with_its_settings(handlers, inspection, upload, segmenter):
    answer = handlers.run(
        REQUEST, inspection, "words", upload, Question(" the  car ", 250, 7), CHOICES
    )
    assert answer["inspection"].question == ("the car", 250, 7)
    subject = subject_of_image(segmenter, upload)
    expected = attention_words(
        segmenter.backbone, subject, "the car", timestep=250, blocks=BLOCKS, seed=7
    )
    _, maps = compute_words(handlers.models.of, answer["inspection"], CHOICES)
    assert np.array_equal(maps.maps, expected.maps)
    assert "upload.png" in answer["settings"]
    assert answer["words_view"].count('data-pick="word:') == len(expected.words) == 4


def test_another_word_runs_no_model(handlers, inspection, no_pass):
    first = handlers.look(REQUEST, inspection, "words", CHOICES)
    no_pass()
    picked = event(pick="word:1")
    second = handlers.enlarge(picked, REQUEST, first["inspection"], "words", CHOICES)
    pages = first["words_view"], second["words_view"]
    titles = [re.search("<strong>(.*?)</strong>", each)[1] for each in pages]
    assert titles == ["ball", "red"]


def test_other_blocks_of_the_same_pass_run_no_model(handlers, inspection, no_pass, segmenter):
    first = handlers.look(REQUEST, inspection, "words", CHOICES)
    no_pass()
    answer = handlers.choose_preset(REQUEST, first["inspection"], "words", "8×", CHOICES)
    assert not answer["single"].visible
    assert [answer[name] for name in GROUPS.values()] == [[], [], [], [7]]
    assert answer["words_view"] != first["words_view"]
    answer = handlers.choose_preset(REQUEST, first["inspection"], "words", CHOOSE, CHOICES)
    assert answer["single"].visible
    assert not set(GROUPS.values()) & set(answer)  # they stay
    assert answer["words_view"] == first["words_view"]


def test_another_point_runs_no_model_and_shows_its_own_maps(
    handlers, inspection, no_pass, segmenter
):
    first = handlers.look(REQUEST, inspection, "point", CHOICES)
    no_pass()
    height, width = inspection.subject.image.shape[:2]
    picked = event(x=0.9, y=0.1)
    second = handlers.point_at(picked, REQUEST, first["inspection"], "point", CHOICES)
    subject, at = inspection.subject, (second["x"], second["y"])
    assert at == (int(0.9 * width), int(0.1 * height))
    assert second["point_view"] != first["point_view"]
    _, (attention, fusion) = compute_point(handlers.models.of, second["inspection"], CHOICES)
    noise = {"timestep": QUESTION.timestep, "seed": QUESTION.seed}
    expected = self_attention_point(segmenter.backbone, subject, "red ball", *at, block=14, **noise)
    assert np.allclose(attention.map, expected.map, atol=1e-6)
    expected = fusion_point(segmenter, subject, "red ball", *at, block=8, **noise)
    assert np.allclose(fusion.map, expected.map, atol=1e-6)
    assert f"{fusion.pooled_share:.0%}".replace("%", " %") in second["point_view"]


def test_typing_a_point_is_not_overwritten_by_its_answer(handlers, inspection):
    answer = handlers.point(REQUEST, inspection, "point", 5, 9, CHOICES)
    assert answer["inspection"].point == (5, 9)
    assert not {"x", "y"} & set(answer)
    assert inspection.point != (5, 9)  # what a session held before stays as it was


def test_results_kept_stay_bounded(handlers, inspection):
    for timestep in (100, 200, 300):
        inspection = replace(inspection, question=QUESTION._replace(timestep=timestep))
        for view in VIEWS:
            inspection = handlers.look(REQUEST, inspection, view, CHOICES)["inspection"]
    assert len(inspection.results) <= 9
    assert copy.deepcopy(inspection) is inspection  # a new session costs no memory


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, 10_000), (None, 3), (1.5, 3)])
def test_a_point_outside_is_one_sentence_and_changes_nothing(handlers, inspection, x, y):
    answer = handlers.point(REQUEST, inspection, "point", x, y, CHOICES)
    assert "error" in messages(answer)["point"]
    assert is_complaint(answer)


@pytest.mark.parametrize(
    ("text", "timestep", "seed", "place", "complaint"),
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
    handlers, inspection, upload, text, timestep, seed, place, complaint
):
    answer = handlers.run(
        REQUEST, inspection, "words", upload, Question(text, timestep, seed), CHOICES
    )
    assert complaint in messages(answer)[place]
    assert list(messages(answer)) == [place]
    assert is_complaint(answer)


def test_no_picture_and_no_block_are_complaints_too(handlers, inspection):
    answer = handlers.run(REQUEST, inspection, "words", None, Question("car", 300, 0), CHOICES)
    assert "Choose a picture" in messages(answer)["picture"]
    choices = read_choices([], [], [], [], False, 14, 8, 12)
    nothing = handlers.look(REQUEST, inspection, "words", choices)
    assert "Choose at least one block." in messages(nothing)["blocks"]


def test_unknown_words_are_named_beside_the_result(handlers, pocket):
    example = handlers.examples[0].comparison.picture
    known = Handlers(Models(pocket), handlers.examples)
    unknown = look_into(known.models.home, example, QUESTION._replace(phrase="red dragon"))
    answer = known.look(REQUEST, unknown, "words", CHOICES)
    assert "dragon" in messages(answer)["phrases"]
    assert "<figure" in answer["words_view"]


def test_an_example_brings_its_picture_and_phrase(handlers):
    picked = event(pick="3")
    answer = handlers.pick_example(picked, REQUEST, "latent", Question("x", 300, 0), CHOICES)
    example = handlers.examples[3].comparison
    assert np.array_equal(answer["picture"], example.picture.image)
    assert answer["phrase"] == example.phrases[0]
    assert answer["inspection"].question == (example.phrases[0], 300, 0)


def test_a_generation_can_be_scrubbed_step_by_step(handlers, segmenter):
    made = generate(segmenter.backbone, "red ball", steps=5, seed=3)
    drawing = Drawing(made, "random")
    answer = handlers.receive(REQUEST, drawing, "words", Question("", 300, 0), CHOICES)
    inspection = answer["inspection"]
    assert np.array_equal(answer["picture"], made.image)
    assert (answer["phrase"], answer["timestep"] in made.trajectory) == ("red ball", True)
    assert (answer["step"]["visible"], answer["step"]["maximum"]) == (True, 5)
    visited = list(made.trajectory)
    refused = handlers.scrub(REQUEST, inspection, "words", 6, CHOICES)
    assert "5 steps" in messages(refused)["settings"]
    assert is_complaint(refused)
    for step in (1, 5):
        scrubbed = handlers.scrub(REQUEST, inspection, "words", step, CHOICES)
        assert scrubbed["timestep"] == visited[step - 1]
        assert f"step {step} of 5" in scrubbed["settings"]
        _, maps = compute_words(handlers.models.of, scrubbed["inspection"], CHOICES)
        again = attention_words(
            segmenter.backbone,
            inspection.subject,
            "red ball",
            timestep=visited[step - 1],
            blocks=BLOCKS,
        )
        assert np.array_equal(maps.maps, again.maps)


def test_a_timestep_between_the_samplers_steps_is_said_to_be_none(handlers, segmenter, tmp_path):
    made = generate(segmenter.backbone, "red ball", steps=5, seed=3)
    drawing = Drawing(made, "random")
    received = handlers.receive(REQUEST, drawing, "words", Question("", 300, 0), CHOICES)
    inspection, path = received["inspection"], tmp_path / "drawn.png"
    Image.fromarray(received["picture"]).save(path)

    def run(timestep):
        question = Question("red ball", timestep, 0)
        return handlers.run(REQUEST, inspection, "words", str(path), question, CHOICES)["step"]

    visited = list(made.trajectory)
    between = run(visited[1] - 1)
    assert f"Timestep {visited[1] - 1} is none of these steps" in between["info"]
    assert "value" not in between
    assert run(visited[1])["value"] == 2
    assert "none of these" not in run(visited[1])["info"]
    slider = handlers.scrub(REQUEST, inspection, "words", 3, CHOICES)["step"]
    assert "none of these" not in slider["info"]
    assert "value" not in slider  # a moving slider is not set back


def test_a_picture_handed_on_comes_with_its_phrase(handlers, picture):
    handed = Picture(picture, "from elsewhere", phrases=("blue car",))
    answer = handlers.receive(REQUEST, handed, "text", Question("x", 120, 0), CHOICES)
    assert (answer["phrase"], answer["timestep"]) == ("blue car", 120)
    assert "blue car" in answer["text_view"]


def test_a_click_on_a_frame_chooses_its_timestep_or_block(handlers):
    assert handlers.pick_frame(event(pick="timesteps:650")) == {"timestep": 650}
    assert handlers.pick_frame(event(pick="blocks:7")) == {"feature_block": 7}


def test_the_first_point_lies_inside_what_the_phrase_names():
    for example in read_examples():
        shown = example.comparison.picture
        for phrase, mask in shown.truth.items():
            x, y = first_point(shown, phrase, mask.shape)
            assert mask[y, x] or not mask.any()
    assert first_point(shown, "something else", (64, 96)) == (48, 32)


def test_the_reconstruction_is_told_with_its_psnr(handlers, inspection, segmenter):
    view = inspect_latent(segmenter.backbone, inspection.subject)
    _, drawn = show(handlers.models.of, inspection, "latent", CHOICES)
    assert f"{view.psnr:.1f} dB" in drawn


def test_every_block_is_in_one_group():
    numbers = [number for group in group_blocks(PRESETS["all"]).values() for number in group]
    assert sorted(numbers) == list(range(1, 17))
