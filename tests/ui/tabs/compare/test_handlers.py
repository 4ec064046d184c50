"""The Compare tab's handlers as plain functions: values in, values of the outputs out."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from ldznet.data.shapes import TRAIN_START, draw_scene, phrases
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import FIRST_COLUMNS, VIEWS
from ldznet.ui.tabs.compare.handlers import SKIP, Handlers
from ldznet.ui.tabs.compare.layout import Messages
from ldznet.ui.tabs.compare.page import Above

LOOK = ("overlay", 0.5, 0.45, None, FIRST_COLUMNS, "znet", "ldznet")
SETTINGS = (0, 400, "{}", None, None)  # seed, timestep, template, truth, its phrase


@pytest.fixture(scope="module")
def handlers(segmenter):
    return Handlers(Models(segmenter, "random"), read_examples())


@pytest.fixture
def first(handlers):
    return handlers.examples[0].comparison


@pytest.fixture
def upload(tmp_path):
    def upload(array, name="upload.png"):
        Image.fromarray(array).save(tmp_path / name)
        return str(tmp_path / name)

    return upload


def run(handlers, last, path, text, settings=SETTINGS, look=LOOK):
    return split(handlers.run(lambda share, step: None, last, path, text, *settings, *look))


def split(outputs):
    """An answer by name."""
    comparison, *rest = outputs
    return SimpleNamespace(
        comparison=comparison,
        above=Above(*rest[:2]),
        shown=rest[2],
        messages=Messages(*rest[6:]),
    )


def test_a_run_gives_every_network_and_phrase(handlers, first, upload, picture, segmenter):
    answer = run(handlers, first, upload(picture), " red ball,\n the  tree;red ball ")
    assert answer.comparison.phrases == ("red ball", "the tree")
    assert answer.comparison.networks == FIRST_COLUMNS
    expected = segmenter.compare(picture, ["red ball", "the tree"])
    for name, found in answer.comparison.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    assert answer.shown.value == ["red ball", "the tree"]
    assert answer.above.cards.count("<figure") == 3
    assert "upload.png" in answer.above.settings
    assert set(answer.messages) == {""}


def test_settings_reach_the_models(handlers, first, upload, picture, segmenter):
    settings = (3, 250, "a {}", None, None)
    answer = run(handlers, first, upload(picture), "car", settings)
    expected = segmenter(picture, ["car"], seed=3, timestep=250, template="a {}")
    assert np.array_equal(answer.comparison.at(0.5)["ldznet"].mask, expected.mask)
    assert "template=" in handlers.look_below(answer.comparison, *LOOK).python


@pytest.mark.parametrize(
    ("text", "settings", "place", "said"),
    [
        ("", SETTINGS, "phrases", "at least one phrase"),
        ("word " * 500, SETTINGS, "phrases", "at most 200"),
        ("red " * 40, SETTINGS, "phrases", "would cut the last 26 words"),
        ("car", (-1, *SETTINGS[1:]), "settings", "seed"),
        ("car", (0, 1000, *SETTINGS[2:]), "settings", "999"),
        ("car", (0, 400, "no place", None, None), "settings", "template"),
    ],
)
def test_a_complaint_stands_at_its_place_and_leaves_the_rest(
    handlers, first, upload, picture, text, settings, place, said
):
    answer = run(handlers, first, upload(picture), text, settings)
    assert said in getattr(answer.messages, place)
    assert sum(map(bool, answer.messages)) == 1
    assert answer.comparison == SKIP
    assert set(map(str, answer.above)) == {str(SKIP)}


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_is_no_picture_is_a_complaint_about_the_picture(handlers, first, tmp_path, content):
    path = None
    if content is not None:
        path = tmp_path / "image.png"
        path.write_bytes(content)
    assert 'role="alert"' in run(handlers, first, path, "car").messages.picture


def test_the_same_picture_again_keeps_its_truth(handlers, first, upload):
    answer = run(handlers, first, upload(first.picture.image, "copy.png"), first.phrases[0])
    assert answer.comparison.picture is first.picture
    other = first.picture.image.copy()
    other[0, 0] ^= 1
    answer = run(handlers, first, upload(other), first.phrases[0])
    assert answer.comparison.picture.truth == {}


def test_a_large_picture_is_shrunk_and_says_so(handlers, first, upload):
    rng = np.random.default_rng(0)
    answer = run(handlers, first, upload(rng.integers(0, 256, (900, 1800, 3), np.uint8)), "car")
    height, width = answer.comparison.picture.image.shape[:2]
    assert height * width <= 1_000_000
    assert width / height == pytest.approx(2, rel=0.01)
    assert f"shrunk to {width} × {height}" in answer.above.settings


def test_user_text_is_no_html(handlers, first, upload, picture):
    answer = run(handlers, first, upload(picture, "<b>.png"), "<img src=x>")
    assert "<img src=x" not in answer.above.cards + "".join(answer.messages)
    assert "&lt;img src=x" in answer.above.cards


def test_controls_act_without_a_model(handlers, first, monkeypatch):
    monkeypatch.setattr(type(handlers.models.segmenter), "compare", None)
    seen = set()
    for view in VIEWS:
        look = (view, 0.5, 0.45, list(first.phrases), *LOOK[4:])
        seen.add(handlers.look_above(first, *look).cards)
    assert len(seen) == len(VIEWS)
    low, high = (handlers.look_above(first, "mask", at, *LOOK[2:]) for at in (0.1, 0.9))
    assert low.cards != high.cards
    assert "0.90" in high.settings
    nothing = handlers.look_above(first, "overlay", 0.5, 0.45, [], *LOOK[4:])
    assert "<tbody></tbody>" in nothing.cards


def test_what_is_below_follows_the_controls(handlers, first):
    one = handlers.look_below(first, *LOOK)
    other = handlers.look_below(first, "overlay", 0.5, 0.45, None, FIRST_COLUMNS, "ldznet", "znet")
    assert np.array_equal(one.pair[0], other.pair[1])
    assert one.agreement == other.agreement
    assert ".at(0.7)" in handlers.look_below(first, "overlay", 0.7, *LOOK[2:]).python


def test_nothing_found_is_said_plainly(handlers, first):
    above = handlers.look_above(first, "overlay", 1.0, *LOOK[2:])
    highest = first.at(1.0)["ldznet"].probability[0].max()
    phrase = first.phrases[0]
    assert f"No pixel above 1.00 for &#x27;{phrase}&#x27;; highest {highest:.2f}." in above.cards


def test_an_example_answers_without_a_model(handlers, monkeypatch):
    monkeypatch.setattr(type(handlers.models.segmenter), "compare", None)
    for place, example in enumerate(handlers.examples):
        outputs = handlers.pick_example(SimpleNamespace(pick=str(place)), *LOOK)
        image, text, truth, number = outputs[:4]
        assert np.array_equal(image, example.comparison.picture.image)
        assert text.split(", ") == list(example.comparison.phrases)
        assert (truth, number) == (None, example.scene)
        assert split(outputs[4:]).above.cards.count("<figure") == 3


def test_a_numbered_scene_is_that_scene_with_its_truth(handlers):
    outputs = handlers.new_scene("neon", "full", 12, *LOOK)
    scene = draw_scene(12, "neon", "full")
    assert np.array_equal(outputs[0], scene.image)
    said = {phrase.text: phrase.mask for phrase in phrases(scene)}
    comparison = split(outputs[4:]).comparison
    for phrase in comparison.phrases:
        assert np.array_equal(comparison.picture.truth[phrase], said[phrase])
    assert outputs[3] == 12


def test_a_random_scene_is_one_that_training_never_saw(handlers):
    numbers = {handlers.new_scene("any", "single", None, *LOOK)[3] for _ in range(3)}
    assert all(0 <= number < TRAIN_START for number in numbers)
    assert len(numbers) > 1


def test_an_impossible_scene_is_a_complaint(handlers):
    outputs = handlers.new_scene("any", "full", -1, *LOOK)
    assert "start at 0" in split(outputs[4:]).messages.picture


def test_an_uploaded_truth_is_used(handlers, first, upload):
    mask = np.zeros((128, 128), np.uint8)
    mask[:, :64] = 255
    phrase = first.phrases[0]
    comparison, said = handlers.add_truth(first, upload(mask), phrase)
    assert said == ""
    assert np.array_equal(comparison.picture.truth[phrase], mask > 0)
    assert handlers.look_above(comparison, *LOOK).cards != handlers.look_above(first, *LOOK).cards


def test_a_truth_of_another_size_is_refused(handlers, first, upload):
    path = upload(np.zeros((64, 32), np.uint8))
    comparison, said = handlers.add_truth(first, path, first.phrases[0])
    assert comparison == SKIP
    assert "32 × 64 pixels and the picture 128 × 128" in said


def test_skipping_leaves_a_component_alone():
    assert gr.skip() == SKIP
