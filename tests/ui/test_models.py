"""Which backbone answers which session, what stays in memory, what the environment says."""

import weakref
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import gradio as gr
import pytest
import torch

from ldznet.checkpoints import hub
from ldznet.ui import models as of_models
from ldznet.ui.models import OFFERED, Environment, Models, name_of, open_models, read_environment


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


def test_each_session_has_the_backbone_it_chose(models, library):
    models.choose("a", "first")
    assert models.choice_of("first") == "a"
    assert models.choice_of("second") == "home"
    assert models.choice_of(None) == "home"  # of a client without a session
    assert models.of_session("first") is models.of("a")
    assert models.of_session("second").segmenter is models.home.segmenter
    assert library.read_so_far == ["/somewhere/a"]
    models.choose("home", "first")
    assert models.of_session("first") is models.home


def test_only_one_other_backbone_is_kept(models):
    former = weakref.ref(models.choose("a", "first").segmenter)
    models.choose("b", "second")
    assert former() is None
    with pytest.raises(ValueError, match="made with a, which had to make room"):
        models.of("a")


def test_a_backbone_that_made_room_is_loaded_again_for_its_session(models, library):
    models.choose("a", "first")
    models.choose("b", "second")
    assert models.of_session("first").backbone == "a"
    assert library.read_so_far == ["/somewhere/a", "b", "/somewhere/a"]


def test_a_failure_leaves_all_as_it_was(models):
    kept = models.choose("a", "first")
    for name, said in (("gone", "check the path"), ("huge", "not enough memory for huge")):
        with pytest.raises(ValueError, match=said):
            models.choose(name, "first")
        assert models.of_session("first") is kept


def test_what_cannot_be_loaded_again_is_told_in_a_sentence(models, library, monkeypatch):
    models.choose("a", "first")
    models.choose("b", "second")
    monkeypatch.setitem(models.listed, "a", "gone")
    with pytest.raises(gr.Error, match="check the path"):
        models.of_session("first")


def test_others_are_answered_while_one_is_loaded(models, library):
    library.gate.clear()
    with ThreadPoolExecutor() as pool:
        loading = [pool.submit(models.choose, "a", session) for session in ("first", "second")]
        assert models.of_session("third") is models.home
        assert models.of_session("first") is models.home
        library.gate.set()
        assert loading[0].result(20) is loading[1].result(20)
    assert library.read_so_far == ["/somewhere/a"]  # once for both


def test_choices_stay_bounded(models, monkeypatch):
    monkeypatch.setattr(of_models, "MAX_CHOICES", 2)
    for session in ("first", "second", "first", "third"):
        models.choose("a", session)
    now = [models.choice_of(session) for session in ("first", "second", "third")]
    assert now == ["a", "home", "a"]


def test_a_thing_of_the_machine_that_is_no_lack_of_memory_is_not_called_one(models, monkeypatch):
    def fail(source):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(models, "_read", fail)
    with pytest.raises(RuntimeError):
        models.choose("a", "first")


def test_empty_variables_are_as_good_as_none():
    assert read_environment({"LDZNET_BACKBONE": " ", "HOME": "/root"}) == Environment()
    given = read_environment({"LDZNET_BACKBONE": "owner/name", "LDZNET_DEVICE": "cpu"})
    assert given == Environment(backbone="owner/name", device="cpu")


def test_every_backbone_offered_is_pinned():
    assert set(OFFERED.values()) <= set(hub.REVISIONS)


def test_a_path_of_the_server_is_not_shown(tmp_path):
    (tmp_path / "pocket").mkdir()
    assert name_of(str(tmp_path / "pocket")) == "./pocket"
    assert name_of("owner/name@main") == "owner/name@main"
    assert name_of("pocket") == "pocket"


def test_sessions_begin_with_the_backbone_of_the_environment(backbone_folder, networks_folder):
    models = open_models(
        Environment(str(backbone_folder), str(networks_folder), precision="bfloat16")
    )
    assert models.notice == ""
    assert models.default == f"./{backbone_folder.name}"
    assert set(models.of_session(None).segmenter.networks) >= {"rgbnet", "znet", "ldznet"}
    assert models.of_session(None).place == "CPU · bfloat16"
    assert models.home.backbone == "pocket"
    assert set(models.home.segmenter.networks) >= {"rgbnet", "znet", "ldznet"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("CompVis/stable-diffusion-v1-4", "HF_HUB_OFFLINE forbids"),
        ("/no/such/folder", "There is no model folder 'folder'"),
    ],
)
def test_without_it_the_app_begins_with_pocket_and_says_why(source, said):
    models = open_models(Environment(source))
    assert models.default == "pocket"
    assert models.notice.startswith(f"Pocket answers instead of {name_of(source)}: ")
    assert said in models.notice
    assert "/no/such" not in models.notice
    assert name_of(source) in models.listed  # to try again


def test_a_device_that_there_is_not_ends_the_start(monkeypatch):
    with pytest.raises(ValueError, match="no device 'abacus'"):
        open_models(Environment(device="abacus"))
