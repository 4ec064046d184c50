"""A backbone from a hub of our own: whole, of another kind, and what is fetched of it."""

import json
import re
import shutil

import pytest
import torch

from ldznet.backbone import LatentDiffusion


@pytest.fixture
def model(hub, backbone_folder, tmp_path):
    hub.folder = shutil.copytree(backbone_folder, tmp_path / "there")
    (hub.folder / "large.ckpt").write_bytes(b"not wanted")
    (hub.folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"nor this")
    return hub


def test_it_is_the_model_of_the_folder(model, backbone):
    loaded = LatentDiffusion.from_pretrained("owner/model")
    assert torch.equal(loaded.encode_text(["red ball"]), backbone.encode_text(["red ball"]))
    assert torch.equal(loaded.unet.conv_in.weight, backbone.unet.conv_in.weight)
    assert not [name for name in model.served if "fp16" in name or "ckpt" in name]
    count = len(model.served)
    LatentDiffusion.from_pretrained("owner/model@main")
    assert len(model.served) == count


def test_another_kind_is_refused_before_its_weights_are_fetched(model):
    config = model.folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": 9}))
    refused("in_channels 9, expected 4")
    assert not [name for name in model.served if name.endswith(".safetensors")]


def test_weights_that_are_not_there(model):
    (model.folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    refused("missing: vae/diffusion_pytorch_model.safetensors")


def refused(pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        LatentDiffusion.from_pretrained("owner/model")
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
