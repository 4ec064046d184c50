"""The tabs when a session turns to another backbone, one without trained networks."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldznet.backbone import generate
from ldznet.pipeline import Segmenter
from ldznet.ui.examples import read_examples
from ldznet.ui.models import Models
from ldznet.ui.state import Drawing, Picture
from ldznet.ui.tabs.attention import page
from ldznet.ui.tabs.attention.endpoint import Endpoints
from ldznet.ui.tabs.attention.handlers import SKIP
from ldznet.ui.tabs.attention.handlers import Handlers as Explorer
from ldznet.ui.tabs.attention.inside import Asked
from ldznet.ui.tabs.attention.lesson_course import LATENT_VIEWS
from ldznet.ui.tabs.attention.lesson_handlers import LessonHandlers
from ldznet.ui.tabs.attention.lesson_steps import STEPS
from ldznet.ui.tabs.attention.page import look_into
from ldznet.ui.tabs.generate.handlers import Handlers as Drawer
from ldznet.ui.tabs.generate.outputs import SKIP as KEEP
from ldznet.ui.tabs.generate.outputs import Page
from ldznet.ui.tabs.generate.sampling import Drawn
from ldznet.ui.tabs.generate.session import find, open_session

LOOK = ("overlay", 0.5, 0.45)
REQUEST = ("a red ball and a tree", "", 4, 4, 7, 1)
CONTROLS = ([3], [], [], [11], False, 14, 8, 12)
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


def merged(pages):
    changes = {}
    for each in pages:
        changes |= {name: value for name, value in each._asdict().items() if value is not KEEP}
    return SimpleNamespace(**{**Page()._asdict(), **changes})


@pytest.fixture
def drawn(models, segmenter):
    """A session with a picture that the home backbone drew."""
    seconds = 0.1
    made = Drawn(generate(segmenter.backbone, REQUEST[0], steps=4, seed=7), seconds)
    return Drawer(models, find(models, open_session([made], "random"), ["red ball"]))


def test_a_picture_is_still_searched_by_the_backbone_that_drew_it(drawn, turn, segmenter):
    turn("bare")
    answer = drawn.find(report, None, False, ["tree"], *LOOK)
    expected = segmenter.compare_generated(drawn.first.generation, ["tree"], TRAINED)
    found = answer.session.found.at(0.5)
    assert set(found) == set(TRAINED)
    for name in TRAINED:
        assert np.array_equal(found[name].mask, expected[name].mask)
    assert "backbone random" in answer.settings
    assert 'from_pretrained("random")' in answer.python


def test_the_next_drawing_is_the_new_backbones_from_beginning_to_end(drawn, turn):
    turn("bare")
    pages = drawn.draw(None, False, None, *REQUEST, *LOOK)
    begun = [next(pages)]
    turn("random")  # meanwhile
    answer = merged([*begun, *pages])
    assert answer.session.backbone == "bare"
    assert answer.session.found.packed.keys() == {"attention"}
    assert "backbone bare" in answer.settings
    for title in ("RGBNet", "ZNet", "LD-ZNet"):
        assert f"<strong>{title}</strong><p>{title} has no weights" in answer.cards
    assert "convert" in answer.cards
    assert answer.note == ""
    assert answer.check["interactive"] is False


def test_what_made_room_is_told_beside_its_words_and_changes_nothing(drawn, turn):
    turn("bare")
    session = merged(drawn.draw(None, False, None, *REQUEST, *LOOK)).session
    turn("bare too")
    answer = drawn.find(report, session, True, ["tree"], *LOOK)
    changed = {name for name, value in answer._asdict().items() if value is not KEEP}
    assert changed == {"prompt_message", "sampling_message", "phrases_message"}
    assert "made with bare" in answer.phrases_message
    still = drawn.look(session, True, ["red ball"], "mask", 0.4, 0.45)
    assert "Attention" in still.cards  # what was found is there


def outputs(answer):
    inside, step, _, _, *rest = answer
    return SimpleNamespace(
        inside=inside,
        step=step,
        picture=rest[0],
        point=rest[6],
        settings=rest[10],
        python=rest[11],
    )


@pytest.fixture
def explorer(models):
    return Explorer(models, read_examples())


@pytest.fixture
def upload(tmp_path, picture):
    path = tmp_path / "upload.png"
    Image.fromarray(picture).save(path)
    return str(path)


def test_the_explorer_turns_with_its_next_run(explorer, models, turn, upload, picture):
    inside = look_into(models.home, Picture(picture, "test"), Asked("red ball", 300, 0))
    turn("bare")
    looked = outputs(explorer.look(inside, "point", *CONTROLS))
    assert "backbone random" in looked.settings
    assert "mean token" in looked.point
    run = outputs(explorer.run(looked.inside, "point", upload, "red ball", 300, 0, *CONTROLS))
    assert "backbone bare" in run.settings
    assert "LD-ZNet has no weights for this backbone" in run.point
    assert "Self-attention" in run.point
    assert "mean token" not in run.point
    assert "fusion_point" not in run.python


def test_only_the_drawer_can_follow_its_steps(explorer, turn, segmenter, tmp_path):
    made = generate(segmenter.backbone, "red ball", steps=4, seed=3)
    path = tmp_path / "drawn.png"
    Image.fromarray(made.image).save(path)
    turn("bare")
    taken = explorer.take(Drawing(made, "random"), "words", "", 300, 0, *CONTROLS)
    taken = outputs(taken[3:])
    assert "backbone random" in taken.settings
    assert taken.step["visible"] is True
    run = outputs(explorer.run(taken.inside, "words", str(path), "red ball", 300, 0, *CONTROLS))
    assert run.step["visible"] is False
    assert "the steps it was drawn in belong to random" in run.picture


def test_views_that_are_kept_outlive_their_backbone(explorer, models, turn, picture):
    inside = look_into(turn("bare"), Picture(picture, "test"), Asked("red ball", 300, 0))
    inside = outputs(explorer.look(inside, "words", *CONTROLS)).inside
    turn("bare too")
    again = outputs(explorer.look(inside, "words", *CONTROLS))
    assert again.inside is inside
    refused = outputs(explorer.look(inside, "text", *CONTROLS))
    assert refused.inside is SKIP
    assert "made with bare" in refused.picture


def test_clients_hear_what_is_missing(models, turn, upload, tmp_path):
    turn("bare")
    answer = Endpoints(models, str(tmp_path)).point(upload, "red ball", 3, 4, 300, 14, 8, 0)
    assert answer["backbone"] == "bare"
    assert answer["fusion"] is None
    assert "convert" in answer["missing"]["ldznet"]
    assert page.NETWORK in answer["missing"]
    assert answer["self_attention"]["block"] == 14


def test_the_lesson_stays_where_ld_znet_is(models, turn):
    lesson = LessonHandlers(models, read_examples())
    course = lesson.start()
    turn("bare")
    look = (LATENT_VIEWS[0], 12, 0.5)
    *kept, message, _ = lesson.run(course, "red ball", *look)
    assert all(value == SKIP for value in kept)
    assert "LD-ZNet has no weights for this backbone" in message
    *kept, _, message = lesson.change_timestep(course, 700, *look)
    assert all(value == SKIP for value in kept)
    assert "LD-ZNet has no weights" in message


def test_the_lesson_needs_no_znet(segmenter, models, bare):
    networks = {**bare.networks, "ldznet": segmenter.networks["ldznet"]}
    alone = Models(Segmenter(segmenter.backbone, networks), "alone")
    lesson = LessonHandlers(alone, read_examples())
    course = lesson.start()
    assert course.znet is None
    both = LessonHandlers(models, read_examples()).start()
    assert np.array_equal(course.ldznet, both.ldznet)
    said, shown = lesson.redraw(len(STEPS), course, LATENT_VIEWS[0], 12, 0.5)
    assert "LD-ZNet" in shown
    assert "mask of ZNet" not in shown
    assert "ZNet, beside it" not in said
