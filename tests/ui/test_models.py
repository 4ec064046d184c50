"""Which backbone answers which session, and what stays in memory."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace

import gradio as gr
import pytest
import torch
from gradio.context import LocalContext

from ldznet.ui import models as of_models
from ldznet.ui.models import Models


class Thing:
    """Stands for a segmenter: something large that can be watched going away."""


class Library:
    """Reads sources as told, and remembers which."""

    def __init__(self):
        self.read_so_far = []
        self.gate = Event()
        self.gate.set()

    def read(self, source):
        self.read_so_far.append(source)
        assert self.gate.wait(20)
        if source == "gone":
            raise ValueError("There is no model folder 'gone'; check the path.")
        if source == "huge":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Thing()


@pytest.fixture
def library():
    return Library()


@pytest.fixture
def models(library):
    listed = {"home": "home", "a": "/somewhere/a", "b": "b"}
    return Models(Thing(), "home", listed=listed, read=library.read)


def asked_by(session, ask):
    """What is answered inside an event of this session, as gradio runs it."""
    token = LocalContext.request.set(SimpleNamespace(session_hash=session))
    try:
        return ask()
    finally:
        LocalContext.request.reset(token)


def test_each_session_has_the_backbone_it_chose(models, library):
    models.choose("a", "first")
    assert asked_by("first", lambda: models.backbone) == "a"
    assert asked_by("second", lambda: models.backbone) == "home"
    assert models.backbone == "home"  # outside of any event
    assert asked_by("first", lambda: models.now) is models.of("a")
    assert asked_by("second", lambda: models.segmenter) is models.home.segmenter
    assert library.read_so_far == ["/somewhere/a"]
    models.choose("home", "first")
    assert asked_by("first", lambda: models.now) is models.home


def test_only_one_other_backbone_is_kept(models):
    former = weakref.ref(models.choose("a", "first").segmenter)
    models.choose("b", "second")
    assert former() is None
    with pytest.raises(ValueError, match="made with a, which had to make room"):
        models.of("a")


def test_a_backbone_that_made_room_is_loaded_again_for_its_session(models, library):
    models.choose("a", "first")
    models.choose("b", "second")
    assert asked_by("first", lambda: models.now).backbone == "a"
    assert library.read_so_far == ["/somewhere/a", "b", "/somewhere/a"]


def test_a_failure_leaves_all_as_it_was(models):
    kept = models.choose("a", "first")
    for name, said in (("gone", "check the path"), ("huge", "not enough memory for huge")):
        with pytest.raises(ValueError, match=said):
            models.choose(name, "first")
        assert asked_by("first", lambda: models.now) is kept


def test_what_cannot_be_loaded_again_is_told_in_a_sentence(models, library, monkeypatch):
    models.choose("a", "first")
    models.choose("b", "second")
    monkeypatch.setitem(models.listed, "a", "gone")
    with pytest.raises(gr.Error, match="check the path"):
        asked_by("first", lambda: models.now)


def test_others_are_answered_while_one_is_loaded(models, library):
    library.gate.clear()
    with ThreadPoolExecutor() as pool:
        loading = [pool.submit(models.choose, "a", session) for session in ("first", "second")]
        assert asked_by("third", lambda: models.now) is models.home
        assert asked_by("first", lambda: models.now) is models.home
        library.gate.set()
        assert loading[0].result(20) is loading[1].result(20)
    assert library.read_so_far == ["/somewhere/a"]  # once for both


def test_choices_stay_bounded(models, monkeypatch):
    monkeypatch.setattr(of_models, "MAX_CHOICES", 2)
    for session in ("first", "second", "first", "third"):
        models.choose("a", session)
    now = [asked_by(session, lambda: models.backbone) for session in ("first", "second", "third")]
    assert now == ["a", "home", "a"]


def test_a_thing_of_the_machine_that_is_no_lack_of_memory_is_not_called_one(models, monkeypatch):
    def fail(source):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(models, "_read", fail)
    with pytest.raises(RuntimeError):
        models.choose("a", "first")
