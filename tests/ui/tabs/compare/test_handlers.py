"""The Compare tab's handlers as plain functions: named values in, changes by name out."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldznet.data.shapes import TRAIN_START, draw_scene, phrases
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import VIEWS, Look, Picture, first_columns
from ldznet.ui.tabs.compare.handlers import MESSAGES, Handlers, numbered
from ldznet.ui.tabs.compare.layout import ANSWER, INPUTS

LOOK = Look(columns=first_columns(), left="znet", right="ldznet")
SETTINGS = {"seed": 0, "timestep": 400, "template": "{}", "truth": None, "truth_phrase": None}
NOBODY = SimpleNamespace(session_hash=None)  # a request of no session: the home backbone answers


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
    """An answer by name; of what a complaint leaves as it is, None."""
    changes = handlers.run(
        NOBODY,
        lambda share, step: None,
        comparison=last,
        picture=path,
        phrases=text,
        look=look,
        **settings,
    )
    return by_name(changes)


def by_name(changes):
    assert set(changes) <= {*ANSWER, *INPUTS}
    return SimpleNamespace(
        **{name: changes.get(name) for name in (*ANSWER, *INPUTS)},
        messages={name: changes[name] for name in MESSAGES},
        changed=set(changes),
    )


def show_above(handlers, comparison, look):
    return SimpleNamespace(**handlers.show_above(comparison, look, NOBODY))


def show_below(handlers, comparison, look):
    return SimpleNamespace(**handlers.show_below(comparison, look))


def test_a_run_gives_every_network_and_phrase(handlers, first, upload, picture, segmenter):
    answer = run(handlers, first, upload(picture), " red ball,\n the  tree;red ball ")
    assert answer.comparison.phrases == ("red ball", "the tree")
    assert answer.comparison.networks == first_columns()
    expected = segmenter.compare(picture, ["red ball", "the tree"])
    for name, found in answer.comparison.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    assert answer.shown.value == ["red ball", "the tree"]
    assert answer.cards.count("<figure") == 3
    assert "upload.png" in answer.settings
    assert set(answer.messages.values()) == {""}


def test_settings_reach_the_models(handlers, first, upload, picture, segmenter):
    settings = {**SETTINGS, "seed": 3, "timestep": 250, "template": "a {}"}
    answer = run(handlers, first, upload(picture), "car", settings)
    expected = segmenter(picture, ["car"], seed=3, timestep=250, template="a {}")
    assert np.array_equal(answer.comparison.at(0.5)["ldznet"].mask, expected.mask)
    assert "template=" in show_below(handlers, answer.comparison, LOOK).python


@pytest.mark.parametrize(
    ("text", "settings", "place", "said"),
    [
        ("", {}, "phrases", "at least one phrase"),
        ("word " * 500, {}, "phrases", "at most 200"),
        ("red " * 40, {}, "phrases", "would cut the last 26 words"),
        ("car", {"seed": -1}, "settings", "seed"),
        ("car", {"timestep": 1000}, "settings", "999"),
        ("car", {"template": "no place"}, "settings", "template"),
    ],
)
def test_a_complaint_stands_at_its_place_and_leaves_the_rest(
    handlers, first, upload, picture, text, settings, place, said
):
    answer = run(handlers, first, upload(picture), text, {**SETTINGS, **settings})
    assert said in answer.messages[f"{place}_message"]
    assert sum(map(bool, answer.messages.values())) == 1
    assert answer.changed == set(MESSAGES)


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_is_no_picture_is_a_complaint_about_the_picture(handlers, first, tmp_path, content):
    path = None
    if content is not None:
        path = tmp_path / "image.png"
        path.write_bytes(content)
    assert 'role="alert"' in run(handlers, first, path, "car").picture_message


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
    assert f"shrunk to {width} × {height}" in answer.settings


def test_user_text_is_no_html(handlers, first, upload, picture):
    answer = run(handlers, first, upload(picture, "<b>.png"), "<img src=x>")
    assert "<img src=x" not in answer.cards + "".join(answer.messages.values())
    assert "&lt;img src=x" in answer.cards


def test_controls_act_without_a_model(handlers, first, monkeypatch):
    monkeypatch.setattr(type(handlers.models.home.segmenter), "compare", None)
    seen = set()
    for view in VIEWS:
        look = replace(LOOK, view=view, phrases=first.phrases)
        seen.add(show_above(handlers, first, look).cards)
    assert len(seen) == len(VIEWS)
    masks = replace(LOOK, view="mask")
    low, high = (show_above(handlers, first, replace(masks, threshold=at)) for at in (0.1, 0.9))
    assert low.cards != high.cards
    assert "0.90" in high.settings
    nothing = show_above(handlers, first, replace(LOOK, phrases=()))
    assert "<tbody></tbody>" in nothing.cards


def test_what_is_below_follows_the_controls(handlers, first):
    one = show_below(handlers, first, LOOK)
    other = show_below(handlers, first, replace(LOOK, left="ldznet", right="znet"))
    assert np.array_equal(one.pair[0], other.pair[1])
    assert one.agreement == other.agreement
    assert ".at(0.7)" in show_below(handlers, first, replace(LOOK, threshold=0.7)).python


def test_nothing_found_is_said_plainly(handlers, first):
    above = show_above(handlers, first, replace(LOOK, threshold=1.0))
    highest = first.at(1.0)["ldznet"].probability[0].max()
    phrase = first.phrases[0]
    assert f"No pixel above 1.00 for &#x27;{phrase}&#x27;; highest {highest:.2f}." in above.cards


def test_an_example_answers_without_a_model(handlers, monkeypatch):
    monkeypatch.setattr(type(handlers.models.home.segmenter), "compare", None)
    for place, example in enumerate(handlers.examples):
        changes = handlers.pick_example(SimpleNamespace(pick=str(place)), NOBODY, LOOK)
        assert changes["truth"] is None  # an old one leaves its place
        answer = by_name(changes)
        assert np.array_equal(answer.picture, example.comparison.picture.image)
        assert answer.phrases.split(", ") == list(example.comparison.phrases)
        assert answer.number == example.scene
        assert answer.cards.count("<figure") == 3


def test_a_numbered_scene_is_that_scene_with_its_truth(handlers):
    answer = by_name(handlers.new_scene(NOBODY, "neon", "full", 12, LOOK))
    scene = draw_scene(12, "neon", "full")
    assert np.array_equal(answer.picture, scene.image)
    said = {phrase.text: phrase.mask for phrase in phrases(scene)}
    comparison = answer.comparison
    for phrase in comparison.phrases:
        assert np.array_equal(comparison.picture.truth[phrase], said[phrase])
    assert answer.number == 12


def test_a_random_scene_is_one_that_training_never_saw(handlers):
    scenes = [handlers.new_scene(NOBODY, "any", "single", None, LOOK) for _ in range(2)]
    scenes.append(handlers.random_scene(NOBODY, "any", "single", LOOK))
    numbers = {scene["number"] for scene in scenes}
    assert all(0 <= number < TRAIN_START for number in numbers)
    assert len(numbers) > 1


def test_an_impossible_scene_is_a_complaint(handlers):
    answer = by_name(handlers.new_scene(NOBODY, "any", "full", -1, LOOK))
    assert "start at 0" in answer.picture_message
    assert answer.changed == set(MESSAGES)


def test_an_uploaded_truth_is_used(handlers, first, upload):
    mask = np.zeros((128, 128), np.uint8)
    mask[:, :64] = 255
    phrase = first.phrases[0]
    changes = handlers.add_truth(first, upload(mask), phrase)
    comparison = changes["comparison"]
    assert changes["truth_message"] == ""
    assert np.array_equal(comparison.picture.truth[phrase], mask > 0)
    cards = [show_above(handlers, each, LOOK).cards for each in (comparison, first)]
    assert cards[0] != cards[1]


def test_a_truth_of_another_size_is_refused(handlers, first, upload):
    path = upload(np.zeros((64, 32), np.uint8))
    changes = handlers.add_truth(first, path, first.phrases[0])
    assert set(changes) == {"truth_message"}
    assert "32 × 64 pixels and the picture 128 × 128" in changes["truth_message"]


def test_a_picture_handed_over_is_searched_for_its_phrases(handlers, picture, segmenter):
    handed = Picture(picture, about="from elsewhere", phrases=("red ball", "tree"))
    answer = by_name(handlers.receive(NOBODY, handed, LOOK))
    assert np.array_equal(answer.picture, picture)
    assert answer.phrases == "red ball, tree"
    assert "truth" in answer.changed
    assert answer.truth is None
    assert "number" not in answer.changed
    expected = segmenter.compare(picture, ["red ball", "tree"])
    for name, found in answer.comparison.at(0.5).items():
        assert np.array_equal(found.mask, expected[name].mask)
    assert answer.cards.count("<figure") == 3
    assert "from elsewhere" in answer.settings


def test_handed_over_without_phrases_it_waits_to_be_asked(handlers, picture):
    answer = by_name(handlers.receive(NOBODY, Picture(picture, about="from elsewhere"), LOOK))
    assert np.array_equal(answer.picture, picture)
    assert answer.phrases == ""
    assert "comparison" not in answer.changed  # the one from before stays
    assert "Write what to find" in answer.phrases_message


def test_nothing_handed_over_changes_nothing(handlers):
    assert handlers.receive(NOBODY, None, LOOK) == dict.fromkeys(MESSAGES, "")


def test_steps_are_counted_to_their_number():
    steps = []
    report = numbered(lambda share, step: steps.append(step), 1)
    for name in ("image", "features", "ZNet", "more"):
        report(0.5, name)
    assert steps == [
        "Step 1 of 3: image",
        "Step 2 of 3: features",
        "Step 3 of 3: ZNet",
        "Step 3 of 3: more",
    ]
