"""The lesson's handlers as plain functions: values in, values of the outputs out."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ldznet.inspection import DEFAULT_FUSION_BLOCK
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.tabs.attention.lesson_course import LATENT_VIEWS, Look
from ldznet.ui.tabs.attention.lesson_files import PLATES, take
from ldznet.ui.tabs.attention.lesson_handlers import SKIP, LessonHandlers
from ldznet.ui.tabs.attention.lesson_steps import STEPS, draw_chapters

LOOK = tuple(Look())


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


def split(answer):
    """An answer by name: the course, a (said, shown) per step, the message."""
    course, *parts, message, timestep_message = answer
    chapters = list(zip(parts[::2], parts[1::2], strict=True))
    assert len(chapters) == len(STEPS)
    return SimpleNamespace(course=course, chapters=chapters, message=message, said=timestep_message)


def test_it_opens_on_the_first_example_with_every_step_filled(course):
    example = read_examples()[0].comparison
    assert np.array_equal(course.picture.image, example.picture.image)
    assert course.phrase == example.phrases[0]
    chapters = draw_chapters(course, Look())
    assert len(chapters) == len(STEPS) == 6
    assert all(chapter.said.count("<p>") == 2 for chapter in chapters)
    assert all("url(data:image" in chapter.shown for chapter in chapters)


@pytest.mark.parametrize("timestep", [0, 250, 999])
def test_the_noised_latents_follow_the_schedule(handlers, course, pocket, timestep):
    answer = split(handlers.change_timestep(course, timestep, *LOOK))
    config = pocket.backbone.scheduler.config  # "scaled_linear": roots of beta on a line
    roots = np.linspace(config["beta_start"] ** 0.5, config["beta_end"] ** 0.5, 1000)
    share = np.prod(1 - roots[: timestep + 1] ** 2)
    latents = course.lesson.latent.channels
    noise = torch.randn((1, *latents.shape), generator=torch.Generator().manual_seed(0))[0]
    expected = share**0.5 * latents + (1 - share) ** 0.5 * noise.numpy()
    np.testing.assert_allclose(answer.course.lesson.noisy, expected, atol=1e-5)
    said = answer.chapters[2][0]
    assert f"{share**0.5:.2f} z + {(1 - share) ** 0.5:.2f} noise" in said


def test_another_timestep_reaches_every_later_step_and_keeps_the_rest(handlers, course):
    moved = course.at_cell(0, 0)
    answer = split(handlers.change_timestep(moved, 700, *LOOK))
    later = answer.course
    assert (later.picture, later.phrase) == (course.picture, course.phrase)
    assert later.point == moved.point
    assert not np.allclose(later.lesson.strip.colours[6], course.lesson.strip.colours[6])
    assert not np.allclose(later.fusion.map, moved.fusion.map)
    assert not np.array_equal(later.ldznet, course.ldznet)
    np.testing.assert_array_equal(later.znet, course.znet)
    assert all("</span></span> 700 · " in shown for _, shown in answer.chapters)


def test_the_masks_are_those_of_the_segmenter(course, pocket):
    found = pocket.compare(course.picture.image, [course.phrase], ["znet", "ldznet"])
    np.testing.assert_allclose(course.ldznet, found["ldznet"].probability[0], atol=1e-6)
    np.testing.assert_allclose(course.znet, found["znet"].probability[0], atol=1e-6)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 1.0])
def test_the_threshold_decides_what_the_last_step_says(handlers, course, no_model, threshold):
    mask, truth = course.ldznet > threshold, course.truth
    said, shown = handlers.redraw(6, course, LATENT_VIEWS[0], 12, threshold)
    assert f"of {threshold:.2f}." in said
    if mask.any():
        assert f"{(mask & truth).sum() / (mask | truth).sum():.2f}" in shown
    else:
        assert f"the highest probability is {course.ldznet.max():.2f}" in said


def test_a_cell_shows_its_own_row_of_the_attention(handlers, course, no_model):
    rows, columns = course.lesson.network.grid_of(DEFAULT_FUSION_BLOCK)
    for row, column in ((0, 0), (rows - 1, columns - 1), (1, 2)):
        moved, _, shown = handlers.pick_cell(pick(f"{row},{column}"), course, *LOOK)
        attention = course.lesson.network.attention[DEFAULT_FUSION_BLOCK][row * columns + column]
        np.testing.assert_array_equal(moved.fusion.map.ravel(), attention[1:])
        assert moved.fusion.map.sum() + moved.fusion.pooled_share == pytest.approx(1, abs=1e-5)
        assert f'data-pick="{row},{column}" aria-pressed="true"' in shown
        assert shown.count('aria-pressed="true"') == 1


def test_no_model_runs_for_a_control_of_what_is_computed(handlers, course, no_model):
    seen = {handlers.redraw(2, course, view, 12, 0.5).shown for view in LATENT_VIEWS}
    assert len(seen) == len(LATENT_VIEWS)
    seen = {handlers.redraw(4, course, LATENT_VIEWS[0], block, 0.5).shown for block in range(1, 17)}
    assert len(seen) == 16


def test_another_phrase_starts_inside_what_it_names(handlers, course):
    answer = split(handlers.run(course, "  large   car ", *LOOK))
    assert answer.message == ""
    assert answer.course.phrase == "large car"
    x, y = answer.course.point
    assert course.picture.truth["large car"][y, x]
    assert all("large car" in answer.chapters[number][0] for number in (0, 3, 5))


def test_an_example_brings_its_picture_and_phrase(handlers, course):
    phrase, *answer = handlers.pick_example(pick("2"), course, *LOOK)
    example = handlers.examples[2].comparison
    assert phrase == example.phrases[0] == split(answer).course.phrase
    assert split(answer).course.picture is example.picture


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
    *kept, message, said = handlers.run(course, text, *LOOK)
    assert all(value is SKIP for value in (*kept, said))
    assert complaint in message


def test_an_unknown_word_is_followed_named_and_offered_rightly(handlers, course):
    answer = split(handlers.run(course, "red umbrela", *LOOK))
    assert answer.course.phrase == "red umbrela"
    assert "never seen 'umbrela'" in answer.message
    assert 'data-pick="umbrela→umbrella"' in answer.message
    later = split(handlers.change_timestep(answer.course, 300, *LOOK))
    assert later.message == answer.message


@pytest.mark.parametrize("timestep", [-5, 1000, None, 2.5, float("nan")])
def test_a_timestep_that_cannot_be_used_changes_only_its_message(handlers, course, timestep):
    *kept, said = handlers.change_timestep(course, timestep, *LOOK)
    assert all(value is SKIP for value in kept)
    assert "error" in said
    assert "timestep" in said


def test_a_refused_timestep_leaves_the_one_before_in_force(handlers, course):
    moved = split(handlers.change_timestep(course, 700, *LOOK))
    handlers.change_timestep(moved.course, None, *LOOK)
    answer = split(handlers.run(moved.course, "red ring", *LOOK))
    assert answer.course.lesson.timestep == 700
    assert answer.said == ""


@pytest.mark.parametrize(("typed", "used"), [(None, "0.50"), (-3, "0.00"), (7, "1.00")])
def test_a_threshold_out_of_range_or_emptied_is_brought_back(handlers, course, typed, used):
    said, _ = handlers.redraw(6, course, LATENT_VIEWS[0], 12, typed)
    assert f"of {used}." in said


def test_a_phrase_over_the_encoders_limit_is_a_complaint_too(segmenter, handlers):
    tiny = LessonHandlers(Models(segmenter, "random"), handlers.examples)
    *kept, message, _ = tiny.run(handlers.start(), "red ball " * 10, *LOOK)
    assert all(value is SKIP for value in kept)
    assert "too long" in message


def test_truth_follows_the_picture_to_another_working_size(segmenter, handlers):
    tiny = LessonHandlers(Models(segmenter, "random"), handlers.examples)
    course = split(tiny.run(handlers.start(), "red ball", *LOOK)).course
    assert course.picture.image.shape == (64, 64, 3)
    assert course.ldznet.shape == course.znet.shape == (64, 64)
    assert all(mask.shape == (64, 64) for mask in course.picture.truth.values())


def test_a_phrase_is_text_and_never_markup(course):
    lesson = replace(course.lesson, phrase="<img src=x>")
    for chapter in draw_chapters(replace(course, lesson=lesson), Look()):
        assert "<img src=x>" not in chapter.said + chapter.shown


@pytest.mark.parametrize("name", PLATES)
def test_every_step_can_be_taken_home(course, no_model, name):
    file, content = take(f"png:{name}", course, Look())
    assert file == f"ldznet-lesson-{name}.png"
    assert min(Image.open(io.BytesIO(content)).size) > 300
    file, content = take(f"npz:{name}", course, Look())
    assert file == f"ldznet-lesson-{name}.npz"
    arrays = np.load(io.BytesIO(content))
    assert isinstance(json.loads(str(arrays["settings"])), dict)
    assert np.array_equal(arrays["image"], course.picture.image)


def test_the_whole_lessons_arrays_are_the_steps_own(course, no_model):
    arrays = np.load(io.BytesIO(take("npz:lesson", course, Look())[1]))
    np.testing.assert_array_equal(arrays["channels"], course.lesson.latent.channels)
    np.testing.assert_array_equal(arrays["noisy"], course.lesson.noisy)
    np.testing.assert_array_equal(arrays["block_7"], course.lesson.strip.colours[6])
    np.testing.assert_array_equal(arrays["fusion"], course.fusion.map)
    np.testing.assert_array_equal(arrays["ldznet"], course.ldznet)
    np.testing.assert_array_equal(arrays["truth"], course.truth)
    settings = json.loads(str(arrays["settings"]))
    assert (settings["phrase"], settings["threshold"]) == (course.phrase, 0.5)
