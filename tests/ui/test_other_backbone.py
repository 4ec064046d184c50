"""The tabs when a session turns to another backbone, one without trained networks."""

from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldznet.backbone import generate
from ldznet.inspection import NETWORK
from ldznet.pipeline import Segmenter
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Drawing, Picture
from ldznet.ui.tabs.attention.endpoints import Endpoints
from ldznet.ui.tabs.attention.handlers import Handlers as Explorer
from ldznet.ui.tabs.attention.lesson import LessonHandlers, redraw
from ldznet.ui.tabs.attention.lesson_steps import STEPS, Look
from ldznet.ui.tabs.attention.session import Choices, Question, look_into
from ldznet.ui.tabs.generate.handlers import Handlers as Drawer
from ldznet.ui.tabs.generate.session import Drawn, Request, Shown, open_session, segment

REQUEST = Request("a red ball and a tree", steps=4, seed=7)
CHOICES = Choices((3, 11), False, 14, 8, 12)
QUESTION = Question("red ball", 300, 0)
BROWSER = SimpleNamespace(session_hash=None)  # of a session that chose no backbone
TRAINED = ("rgbnet", "znet", "ldznet")


@pytest.fixture(scope="module")
def bare(backbone_folder):
    """The same random backbone without trained networks: only what needs no training is there."""
    return Segmenter.from_pretrained(backbone_folder, device="cpu")


@pytest.fixture
def models(segmenter, bare):
    """Home is "random"; any other name gives the bare one, and the latest of them is kept."""
    return Models(segmenter, "random", read=lambda source: bare)


@pytest.fixture
def turn(models):
    """Turns to another backbone of this name; outside of events there is one session."""
    return lambda name: models.choose(name, "")


def report(share, step):
    """Nobody follows."""


@pytest.fixture
def drawn(models, segmenter):
    """A session with a picture that the home backbone drew."""
    seconds = 0.1
    made = Drawn(generate(segmenter.backbone, REQUEST.prompt, steps=4, seed=7), seconds)
    return Drawer(models, segment(segmenter, open_session([made], "random"), ["red ball"]))


def drawing(drawer):
    """The changes of a new drawing, one after the other."""
    return drawer.draw(Shown(drawer.first, []), BROWSER, None, asdict(REQUEST))


def merged(updates):
    changes = {}
    for update in updates:
        changes |= update
    return changes


def test_a_picture_is_still_searched_by_the_backbone_that_drew_it(drawn, turn, segmenter):
    turn("bare")
    page = drawn.segment(Shown(drawn.first, ["tree"]), BROWSER, report)
    expected = segmenter.compare_generated(drawn.first.generation, ["tree"], TRAINED)
    found = page["own_session"].comparison.at(0.5)
    assert set(found) == set(TRAINED)
    for name in TRAINED:
        assert np.array_equal(found[name].mask, expected[name].mask)
    assert "backbone random" in page["settings"]
    assert 'from_pretrained("random")' in page["python"]


def test_the_next_drawing_is_the_new_backbones_from_beginning_to_end(drawn, turn):
    turn("bare")
    updates = drawing(drawn)
    begun = [next(updates)]
    turn("random")  # meanwhile
    page = merged([*begun, *updates])
    assert page["own_session"].backbone == "bare"
    assert page["own_session"].comparison.packed.keys() == {"attention"}
    assert "backbone bare" in page["settings"]
    for title in ("RGBNet", "ZNet", "LD-ZNet"):
        assert f"<strong>{title}</strong><p>{title} has no weights" in page["cards"]
    assert "convert" in page["cards"]
    assert page["note"] == ""
    assert page["check"]["interactive"] is False


def test_what_made_room_is_told_beside_its_words_and_changes_nothing(drawn, turn):
    turn("bare")
    session = merged(drawing(drawn))["own_session"]
    turn("bare too")
    page = drawn.segment(Shown(session, ["tree"]), BROWSER, report)
    assert set(page) == {"prompt_message", "sampling_message", "phrases_message"}
    assert "made with bare" in page["phrases_message"]
    still = drawn.show(Shown(session, ["red ball"], "mask", 0.4))
    assert "Attention" in still["cards"]  # what was found is there


@pytest.fixture
def explorer(models):
    return Explorer(models, read_examples())


@pytest.fixture
def upload(tmp_path, picture):
    path = tmp_path / "upload.png"
    Image.fromarray(picture).save(path)
    return str(path)


def test_the_explorer_turns_with_its_next_run(explorer, models, turn, upload, picture):
    inspection = look_into(models.home, Picture(picture, "test"), QUESTION)
    turn("bare")
    looked = explorer.look(BROWSER, inspection, "point", CHOICES)
    assert "backbone random" in looked["settings"]
    assert "mean token" in looked["point_view"]
    run = explorer.run(BROWSER, looked["inspection"], "point", upload, QUESTION, CHOICES)
    assert "backbone bare" in run["settings"]
    assert "LD-ZNet has no weights for this backbone" in run["point_view"]
    assert "Self-attention" in run["point_view"]
    assert "mean token" not in run["point_view"]
    assert "fusion_point" not in run["python"]


def test_only_the_drawer_can_follow_its_steps(explorer, turn, segmenter, tmp_path):
    made = generate(segmenter.backbone, "red ball", steps=4, seed=3)
    path = tmp_path / "drawn.png"
    Image.fromarray(made.image).save(path)
    turn("bare")
    received = explorer.receive(BROWSER, Drawing(made, "random"), "words", QUESTION, CHOICES)
    assert "backbone random" in received["settings"]
    assert received["step"]["visible"] is True
    run = explorer.run(BROWSER, received["inspection"], "words", str(path), QUESTION, CHOICES)
    assert run["step"]["visible"] is False
    assert "the steps it was drawn in belong to random" in run["picture_message"]


def test_views_that_are_kept_outlive_their_backbone(explorer, models, turn, picture):
    inspection = look_into(turn("bare"), Picture(picture, "test"), QUESTION)
    inspection = explorer.look(BROWSER, inspection, "words", CHOICES)["inspection"]
    turn("bare too")
    again = explorer.look(BROWSER, inspection, "words", CHOICES)
    assert again["inspection"] is inspection
    refused = explorer.look(BROWSER, inspection, "text", CHOICES)
    assert "inspection" not in refused
    assert "made with bare" in refused["picture_message"]


def test_clients_hear_what_is_missing(models, turn, upload):
    turn("bare")
    answer = Endpoints(models).attention_point(BROWSER, upload, "red ball", 3, 4, 300, 14, 8, 0)
    assert answer["backbone"] == "bare"
    assert answer["fusion"] is None
    assert "convert" in answer["missing"]["ldznet"]
    assert NETWORK in answer["missing"]
    assert answer["self_attention"]["block"] == 14


def test_the_lesson_stays_where_ld_znet_is(models, turn):
    lesson = LessonHandlers(models, read_examples())
    course = lesson.start()
    turn("bare")
    answer = lesson.run(BROWSER, course, "red ball", Look())
    assert set(answer) == {"phrases_message"}
    assert "LD-ZNet has no weights for this backbone" in answer["phrases_message"]
    answer = lesson.change_timestep(BROWSER, course, 700, Look())
    assert set(answer) == {"timestep_message"}
    assert "LD-ZNet has no weights" in answer["timestep_message"]


def test_the_lesson_needs_no_znet(segmenter, models, bare):
    networks = {**bare.networks, "ldznet": segmenter.networks["ldznet"]}
    alone = Models(Segmenter(segmenter.backbone, networks), "alone")
    course = LessonHandlers(alone, read_examples()).start()
    assert course.znet is None
    both = LessonHandlers(models, read_examples()).start()
    assert np.array_equal(course.ldznet, both.ldznet)
    text, pictures = redraw(len(STEPS), course, Look()).values()
    assert "LD-ZNet" in pictures
    assert "mask of ZNet" not in pictures
    assert "ZNet, beside it" not in text
