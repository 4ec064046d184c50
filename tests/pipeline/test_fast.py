"""A segmenter without the execution layer: the libraries' own classes, the same answers."""

import sys

import numpy as np
import pytest
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from ldznet.data.shapes import draw_scene, phrases
from ldznet.pipeline import Segmenter

STOCK = {Attention, ResnetBlock2D, nn.Conv2d, nn.Linear}


def kinds(segmenter):
    """The classes of every layer that has a faster one."""
    backbone = segmenter.backbone
    models = [backbone.vae, backbone.unet, *segmenter.networks.values()]
    modules = (module for model in models for module in model.modules())
    return {
        type(module)
        for module in modules
        if isinstance(module, tuple(STOCK)) and "FullPrecision" not in type(module).__name__
    }


def test_the_plain_pocket_gives_the_fast_ones_masks(pocket):
    plain = Segmenter.from_pretrained(fast=False)
    for number in (1, 2):
        scene = draw_scene(number, "photo")
        texts = [phrase.text for phrase in phrases(scene)][:3]
        slow = plain.compare(scene.image, texts, list(pocket.networks))
        for name, fast in pocket.compare(scene.image, texts, list(pocket.networks)).items():
            difference = np.abs(fast.probability - slow[name].probability)
            assert difference.max() < 1e-4
            assert np.array_equal(fast.mask, slow[name].mask)
            assert fast.mask.any()
    assert kinds(plain) <= STOCK < kinds(pocket) | STOCK


@pytest.mark.parametrize("fast", [True, False])
def test_the_layer_can_be_left_out(monkeypatch, backbone_folder, networks_folder, picture, fast):
    monkeypatch.setitem(sys.modules, "ldznet.execution", None)
    segmenter = Segmenter.from_pretrained(backbone_folder, networks=networks_folder, fast=fast)
    assert kinds(segmenter) <= STOCK
    assert segmenter(picture, ["ball"]).mask.shape == (1, 48, 80)
