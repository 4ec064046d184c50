"""What the hub can answer, really answered by a hub of our own: one sentence each."""

import errno
import re
from pathlib import Path

import pytest
from huggingface_hub import constants

from ldznet.backbone import LatentDiffusion
from ldznet.checkpoints.hub import (
    REVISIONS,
    fetch,
    find_folder,
    is_hub_id,
    name_source,
    split_revision,
)
from tests.fake_hub import COMMIT, hub

__all__ = ["hub"]

CONFIG, WEIGHTS = "unet/config.json", "unet/weights.safetensors"
FILES = ("*/*.json", "*/*.safetensors")


@pytest.fixture
def model(hub, tmp_path):
    """The hub's model: two files, one of them large enough to be cut."""
    hub.folder = tmp_path / "there"
    (hub.folder / "unet").mkdir(parents=True)
    (hub.folder / CONFIG).write_text("{}")
    (hub.folder / WEIGHTS).write_bytes(bytes(200_000))
    return hub


def refused(pattern, name="owner/model", revision=None):
    with pytest.raises(ValueError, match=pattern) as caught:
        fetch(name, revision, FILES)
    message = str(caught.value)
    assert re.fullmatch(r"[^\n]+\.", message)
    assert not re.search(r"127\.0\.0\.1|/tmp|secret-token", message)
    return message


def test_files_asked_for_come_once_and_then_no_connection_is_needed(model, monkeypatch):
    folder = fetch("owner/model", None, ["*/*.json"])
    assert model.served == [CONFIG]
    assert folder.name == COMMIT
    whole = fetch("owner/model", COMMIT, FILES)
    assert (whole / WEIGHTS).read_bytes() == bytes(200_000)
    assert sorted(model.served) == [CONFIG, WEIGHTS]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch("owner/model", None, FILES) == whole
    assert len(model.served) == 2


def test_another_name(model):
    refused(
        "There is no model 'owner/other' on the Hugging Face hub, or it is private", "owner/other"
    )
    refused("cannot be the name of a model", "owner/mo del")


def test_another_revision(model):
    refused("has no revision 'elsewhere'", revision="elsewhere")
    refused("has no revision 'f{40}'", revision="f" * 40)


def test_gated(model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret-token")
    model.refuse["/resolve/"] = (403, "GatedRepo")
    refused("gated: accept its terms .* or set HF_TOKEN")


@pytest.mark.parametrize("status", [403, 500])
def test_a_hub_that_is_out_of_order(model, status):
    model.refuse["/api/"] = (status, "")
    refused(rf"refused 'owner/model' \(HTTP status {status}\)")


def test_no_connection(model, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("tries again and again"))
    for revision in (None, COMMIT):
        refused("could not be fetched from the Hugging Face hub; check the name", revision=revision)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused("HF_HUB_OFFLINE forbids to fetch it")


def test_a_connection_that_breaks_leaves_nothing_that_looks_whole(model, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    model.cut = WEIGHTS
    refused("could not be fetched")
    cache = constants.HF_HUB_CACHE
    assert list(Path(cache).rglob("*.safetensors")) == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    refused("is not on this machine as a whole")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    model.cut = ""
    assert (fetch("owner/model", None, FILES) / WEIGHTS).stat().st_size == 200_000


def test_a_disk_too_small_is_told_before_anything_is_fetched(model):
    model.sizes[WEIGHTS] = 10**17
    refused(r"takes 100000000\.0 GB and the disk has [\d.]+ GB left; make room, or set HF_HOME")
    assert model.served == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_meanwhile(model, monkeypatch, code):
    def full(*args, **options):
        raise OSError(code, "No room")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    refused("disk was full before all of 'owner/model' was fetched; make room")


def test_names_and_revisions():
    assert is_hub_id("owner/name")
    assert is_hub_id("owner/name@main")
    assert not any(map(is_hub_id, ["pocket", "./a/b", "/a", "~/a", "a/b/c"]))
    assert split_revision("a/b", None) == ("a/b", None)
    assert split_revision("a/b@v1", None) == split_revision("a/b@v1", "v1") == ("a/b", "v1")
    pinned = "CompVis/stable-diffusion-v1-4"
    assert split_revision(pinned, None) == (pinned, REVISIONS[pinned])
    assert split_revision(pinned, "main") == (pinned, "main")
    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in REVISIONS.values())
    with pytest.raises(ValueError, match="name one of them"):
        split_revision("a/b@v1", "v2")


@pytest.mark.parametrize(
    ("source", "revision"),
    [
        ("owner/model@refs/pr/5", "refs/pr/5"),
        ("owner/model@feature/two/three", "feature/two/three"),
        ("owner/model@v1.0", "v1.0"),
        ("https://huggingface.co/owner/model", None),
        ("http://huggingface.co/owner/model/", None),
        ("huggingface.co/owner/model?library=diffusers#use", None),
        ("https://hf.co/owner/model", None),
        (" https://huggingface.co/owner/model/tree/main\n", "main"),
        ("https://huggingface.co/owner/model/tree/refs%2Fpr%2F5", "refs/pr/5"),
        ("https://huggingface.co/owner/model/tree/feature/two", "feature/two"),
        ("https://www.huggingface.co/owner/model/commit/" + COMMIT, COMMIT),
        ("https://huggingface.co/owner/model@refs/pr/5", "refs/pr/5"),
    ],
)
def test_a_revision_or_an_address_is_a_hub_id(model, source, revision):
    assert is_hub_id(source)
    assert split_revision(source, None) == ("owner/model", revision)
    assert name_source(source) == (f"owner/model@{revision}" if revision else "owner/model")
    model.branches = (*model.branches, *([revision] if revision else []))
    assert (find_folder(source, FILES) / CONFIG).read_text() == "{}"


def test_a_revision_with_a_slash_that_is_not_there_is_named(model):
    with pytest.raises(ValueError, match="'owner/model' has no revision 'refs/pr/9'"):
        find_folder("owner/model@refs/pr/9", FILES)


@pytest.mark.parametrize(
    "source",
    [
        "https://example.com/owner/model",
        "https://huggingface.co/datasets/owner/name",
        "https://huggingface.co/spaces/owner/name",
        "https://huggingface.co/owner",
        "https://huggingface.co/owner/model/blob/main/model.safetensors",
        "https://key:secret-token@example.com/a",
    ],
)
def test_an_address_of_anything_else_is_refused_as_one(source):
    assert not is_hub_id(source)
    for read in (LatentDiffusion.from_pretrained, lambda source: find_folder(source, FILES)):
        with pytest.raises(ValueError, match=r"name the model as owner/name") as caught:
            read(source)
        assert "secret" not in str(caught.value)


def test_paths_are_no_hub_ids(tmp_path):
    paths = ("a/b/c@main", "C:/models", r"C:\models\a", "../a@b", "a@b/c", "a/", "/a@b/c")
    assert not any(map(is_hub_id, paths))
    assert name_source(tmp_path / "model") == "model"
