"""The lesson's handlers as plain functions: values in, values of the outputs out."""

import io
import json
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.inspection import DEFAULT_FUSION_BLOCK
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.tabs.attention.lesson import ANSWER, LessonHandlers, read_look, redraw, take_home
from ldznet.ui.tabs.attention.lesson_steps import (
    LATENT_VIEWS,
    PLATES,
    STEPS,
    Chapter,
    Look,
    draw_chapters,
)

REQUEST = SimpleNamespace(session_hash=None)  # of a session that chose no backbone


@pytest.fixture(scope="module")
def handlers(pocket):
    return LessonHandlers(Models(pocket), read_examples())


@pytest.fixture(scope="module")
def course(handlers):
    return handlers.start()


@pytest.fixture
def no_model(pocket, monkeypatch):
    """Any pass of a model fails."""

    def fail(*args, **kwargs):
        raise AssertionError("A model ran.")

    parts = [pocket.backbone.unet, pocket.backbone.vae, pocket.backbone.text_encoder]
    for part in (*parts, *pocket.networks.values()):
        monkeypatch.setattr(part, "forward", fail)
    for name in ("encode", "decode"):
        monkeypatch.setattr(pocket.backbone.vae, name, fail)


def pick(value):
    return SimpleNamespace(pick=value)


def chapters(answer):
    """The chapters of an answer, a (text, pictures) per step."""
    return [Chapter(answer[f"text_{n}"], answer[f"pictures_{n}"]) for n in range(1, 7)]


def test_it_opens_on_the_first_example_with_every_step_filled(course):
    example = read_examples()[0].comparison
    assert np.array_equal(course.picture.image, example.picture.image)
    assert course.phrase == example.phrases[0]
    opening = draw_chapters(course, Look())
    assert len(opening) == len(STEPS) == 6
    assert all(chapter.text.count("<p>") == 2 for chapter in opening)
    assert all("url(data:image" in chapter.pictures for chapter in opening)


@pytest.mark.parametrize("timestep", [0, 250, 999])
def test_the_noised_latents_follow_the_schedule(handlers, course, pocket, timestep):
    answer = handlers.change_timestep(REQUEST, course, timestep, Look())
    config = pocket.backbone.scheduler.config  # "scaled_linear": roots of beta on a line
    roots = np.linspace(config["beta_start"] ** 0.5, config["beta_end"] ** 0.5, 1000)
    share = np.prod(1 - roots[: timestep + 1] ** 2)
    latents = course.lesson.latent.channels
    noise = torch.randn((1, *latents.shape), generator=torch.Generator().manual_seed(0))[0]
    expected = share**0.5 * latents + (1 - share) ** 0.5 * noise.numpy()
    np.testing.assert_allclose(answer["course"].lesson.noisy, expected, atol=1e-5)
    assert f"{share**0.5:.2f} z + {(1 - share) ** 0.5:.2f} noise" in answer["text_3"]


def test_another_timestep_reaches_every_later_step_and_keeps_the_rest(handlers, course):
    moved = course.at_cell(0, 0)
    answer = handlers.change_timestep(REQUEST, moved, 700, Look())
    later = answer["course"]
    assert (later.picture, later.phrase) == (course.picture, course.phrase)
    assert later.point == moved.point
    assert not np.allclose(later.lesson.strip.colours[6], course.lesson.strip.colours[6])
    assert not np.allclose(later.fusion.map, moved.fusion.map)
    assert not np.array_equal(later.ldznet, course.ldznet)
    np.testing.assert_array_equal(later.znet, course.znet)
    assert all("</span></span> 700 · " in chapter.pictures for chapter in chapters(answer))


def test_the_masks_are_those_of_the_segmenter(course, pocket):
    segmentations = pocket.compare(course.picture.image, [course.phrase], ["znet", "ldznet"])
    np.testing.assert_allclose(course.ldznet, segmentations["ldznet"].probability[0], atol=1e-6)
    np.testing.assert_allclose(course.znet, segmentations["znet"].probability[0], atol=1e-6)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0])
def test_the_threshold_decides_what_the_last_step_says(handlers, course, no_model, threshold):
    mask, truth = course.ldznet > threshold, course.truth
    text, pictures = redraw(6, course, Look(threshold=threshold)).values()
    assert f"of {threshold:.2f}." in text
    if mask.any():
        assert f"{(mask & truth).sum() / (mask | truth).sum():.2f}" in pictures
    else:
        assert f"the highest probability is {course.ldznet.max():.2f}" in text


def test_a_cell_shows_its_own_row_of_the_attention(handlers, course, no_model):
    rows, columns = course.lesson.network.grid_of(DEFAULT_FUSION_BLOCK)
    for row, column in ((0, 0), (rows - 1, columns - 1), (1, 2)):
        answer = handlers.pick_cell(pick(f"{row},{column}"), course, Look())
        assert set(answer) == {"course", "text_5", "pictures_5"}
        moved, pictures = answer["course"], answer["pictures_5"]
        attention = course.lesson.network.attention[DEFAULT_FUSION_BLOCK][row * columns + column]
        np.testing.assert_array_equal(moved.fusion.map.ravel(), attention[1:])
        assert moved.fusion.map.sum() + moved.fusion.pooled_share == pytest.approx(1, abs=1e-5)
        assert f'data-pick="{row},{column}" aria-pressed="true"' in pictures
        assert pictures.count('aria-pressed="true"') == 1


def test_no_model_runs_for_a_control_of_what_is_computed(handlers, course, no_model):
    views = {redraw(2, course, Look(view=view))["pictures_2"] for view in LATENT_VIEWS}
    assert len(views) == len(LATENT_VIEWS)
    blocks = {redraw(4, course, Look(block=block))["pictures_4"] for block in range(1, 17)}
    assert len(blocks) == 16


def test_another_phrase_starts_inside_what_it_names(handlers, course):
    answer = handlers.run(REQUEST, course, "  large   car ", Look())
    assert set(answer) == set(ANSWER)
    assert answer["phrases_message"] == ""
    assert answer["course"].phrase == "large car"
    x, y = answer["course"].point
    assert course.picture.truth["large car"][y, x]
    assert all("large car" in answer[f"text_{number}"] for number in (1, 4, 6))


def test_an_example_brings_its_picture_and_phrase(handlers, course):
    answer = handlers.pick_example(pick("2"), REQUEST, course, Look())
    example = handlers.examples[2].comparison
    assert answer["phrase"] == example.phrases[0] == answer["course"].phrase
    assert answer["course"].picture is example.picture


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "at least one phrase"),
        (" , ", "at least one phrase"),
        ("red ring, pink umbrella", "one phrase"),
        ("red " * 60, "write at most 200"),
    ],
)
def test_a_phrase_that_cannot_be_used_changes_only_the_message(handlers, course, text, complaint):
    answer = handlers.run(REQUEST, course, text, Look())
    assert set(answer) == {"phrases_message"}
    assert complaint in answer["phrases_message"]


def test_an_unknown_word_is_followed_named_and_offered_rightly(handlers, course):
    answer = handlers.run(REQUEST, course, "red umbrela", Look())
    assert answer["course"].phrase == "red umbrela"
    assert "never seen 'umbrela'" in unescape(answer["phrases_message"])
    assert 'data-pick="umbrela→umbrella"' in answer["phrases_message"]
    later = handlers.change_timestep(REQUEST, answer["course"], 300, Look())
    assert later["phrases_message"] == answer["phrases_message"]


@pytest.mark.parametrize("timestep", [-5, 1000, None, 2.5, float("nan")])
def test_a_timestep_that_cannot_be_used_changes_only_its_message(handlers, course, timestep):
    answer = handlers.change_timestep(REQUEST, course, timestep, Look())
    assert set(answer) == {"timestep_message"}
    assert "error" in answer["timestep_message"]
    assert "timestep" in answer["timestep_message"]


def test_a_refused_timestep_leaves_the_one_before_in_force(handlers, course):
    moved = handlers.change_timestep(REQUEST, course, 700, Look())["course"]
    refused = handlers.change_timestep(REQUEST, moved, None, Look())
    assert "course" not in refused
    answer = handlers.run(REQUEST, moved, "red ring", Look())
    assert answer["course"].lesson.timestep == 700
    assert answer["timestep_message"] == ""


@pytest.mark.parametrize(("typed", "used"), [(None, "0.50"), (-3, "0.00"), (7, "1.00")])
def test_a_threshold_out_of_range_or_emptied_is_brought_back(handlers, course, typed, used):
    answer = redraw(6, course, read_look(LATENT_VIEWS[0], 12, typed))
    assert f"of {used}." in answer["text_6"]


def test_a_phrase_over_the_encoders_limit_is_a_complaint_too(segmenter, handlers):
    tiny = LessonHandlers(Models(segmenter, "random"), handlers.examples)
    answer = tiny.run(REQUEST, handlers.start(), "red ball " * 10, Look())
    assert set(answer) == {"phrases_message"}
    assert "too long" in answer["phrases_message"]


def test_truth_follows_the_picture_to_another_working_size(segmenter, handlers):
    tiny = LessonHandlers(Models(segmenter, "random"), handlers.examples)
    course = tiny.run(REQUEST, handlers.start(), "red ball", Look())["course"]
    assert course.picture.image.shape == (64, 64, 3)
    assert course.ldznet.shape == course.znet.shape == (64, 64)
    assert all(mask.shape == (64, 64) for mask in course.picture.truth.values())


def test_a_phrase_is_text_and_never_markup(course):
    lesson = replace(course.lesson, phrase="<img src=x>")
    for chapter in draw_chapters(replace(course, lesson=lesson), Look()):
        assert "<img src=x>" not in chapter.text + chapter.pictures


@pytest.mark.parametrize("name", PLATES)
def test_every_step_can_be_taken_home(course, no_model, name):
    file, content = take_home(f"png:{name}", course, Look())
    assert file == f"ldznet-lesson-{name}.png"
    assert min(Image.open(io.BytesIO(content)).size) > 300
    file, content = take_home(f"npz:{name}", course, Look())
    assert file == f"ldznet-lesson-{name}.npz"
    arrays = np.load(io.BytesIO(content))
    assert isinstance(json.loads(str(arrays["settings"])), dict)
    assert np.array_equal(arrays["image"], course.picture.image)


def test_the_whole_lessons_arrays_are_the_steps_own(course, no_model):
    arrays = np.load(io.BytesIO(take_home("npz:lesson", course, Look())[1]))
    np.testing.assert_array_equal(arrays["channels"], course.lesson.latent.channels)
    np.testing.assert_array_equal(arrays["noisy"], course.lesson.noisy)
    np.testing.assert_array_equal(arrays["block_7"], course.lesson.strip.colours[6])
    np.testing.assert_array_equal(arrays["fusion"], course.fusion.map)
    np.testing.assert_array_equal(arrays["ldznet"], course.ldznet)
    np.testing.assert_array_equal(arrays["truth"], course.truth)
    settings = json.loads(str(arrays["settings"]))
    assert (settings["phrase"], settings["threshold"]) == (course.phrase, 0.5)
