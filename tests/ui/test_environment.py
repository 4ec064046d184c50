"""What the environment says, and what the app does where it cannot be had."""

import pytest

from ldznet.checkpoints import hub
from ldznet.ui.models import OFFERED, Environment, name_of, open_models, read_environment


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
    assert models.backbone == f"./{backbone_folder.name}"
    assert set(models.segmenter.networks) >= {"rgbnet", "znet", "ldznet"}
    assert models.now.place == "CPU · bfloat16"
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
    assert models.backbone == "pocket"
    assert models.notice.startswith(f"Pocket answers instead of {name_of(source)}: ")
    assert said in models.notice
    assert "/no/such" not in models.notice
    assert name_of(source) in models.listed  # to try again


def test_a_device_that_there_is_not_ends_the_start(monkeypatch):
    with pytest.raises(ValueError, match="no device 'abacus'"):
        open_models(Environment(device="abacus"))
