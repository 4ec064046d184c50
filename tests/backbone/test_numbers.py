"""Answers that are no numbers: one sentence that names the model, and never a black picture."""

import re
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from ldznet.backbone import generate
from ldznet.inspection import features_over_blocks, run_network, run_unet, subject_of_image
from ldznet.pipeline import Segmenter


def spoil(path, key):
    """As a merge of models spoils one: a single row of one tensor."""
    tensors = load_file(path)
    tensors[key][0] = float("nan")
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.fixture(params=["vae", "unet", "text_encoder"])
def spoilt(request, backbone_folder, networks_folder, tmp_path):
    folder = shutil.copytree(backbone_folder, tmp_path / "merged")
    (weights,) = (folder / request.param).glob("*.safetensors")
    keys = {
        "vae": "quant_conv.bias",
        "unet": "mid_block.resnets.0.conv1.weight",
        "text_encoder": "final_layer_norm.bias",
    }
    for key in [name for name in load_file(weights) if name.endswith(keys[request.param])]:
        spoil(weights, key)  # of the autoencoder both halves
    return request.param, Segmenter.from_pretrained(folder, networks=networks_folder)


def expect_sentence(name, call, *args, **options):
    with pytest.raises(ValueError, match=f"The answer of '{name}' is no number") as caught:
        call(*args, **options)
    assert re.fullmatch(r"[^\n]+ copy or download the model again[^\n]+\.", str(caught.value))


def test_a_spoilt_backbone_is_named_by_all_that_runs_it(spoilt, segmenter, picture):
    part, broken = spoilt
    for network in ("ldznet", "attention"):
        expect_sentence("merged", broken.compare, picture, ["ball"], [network])
    expect_sentence("merged", generate, broken.backbone, "a red ball", steps=2)
    subject = subject_of_image(segmenter, picture)
    if part != "vae":
        made = generate(segmenter.backbone, "a red ball", steps=2)
        for reuse in (False, True) if part == "text_encoder" else (False,):
            expect_sentence(
                "merged", broken.compare_generated, made, ["ball"], ["ldznet"], reuse=reuse
            )
        expect_sentence("merged", run_network, broken, subject, "ball", timestep=400)
        expect_sentence(
            "merged", run_unet, broken.backbone, subject, "ball", timestep=50, words=[10]
        )
        expect_sentence("merged", features_over_blocks, broken.backbone, subject, "ball")


def test_a_network_is_named_where_the_backbone_is_sound(backbone_folder, networks_folder, tmp_path):
    folder = shutil.copytree(networks_folder, tmp_path / "networks")
    (weights,) = (folder / "rgbnet").glob("*.safetensors")
    spoil(weights, "unet.mid_block.resnets.0.conv1.weight")
    segmenter = Segmenter.from_pretrained(backbone_folder, networks=folder)
    picture = np.zeros((64, 64, 3), np.uint8)
    expect_sentence("rgbnet", segmenter.compare, picture, ["ball"])
    assert np.isfinite(segmenter.compare(picture, ["ball"], ["znet"])["znet"].probability).all()


def test_what_overflows_in_half_precision_leads_to_float32(backbone_folder, tmp_path):
    folder = shutil.copytree(backbone_folder, tmp_path / "large")
    (weights,) = (folder / "unet").glob("*.safetensors")
    tensors = load_file(weights)
    tensors["conv_in.weight"] *= 1e6
    save_file(tensors, weights, metadata={"format": "pt"})
    picture = np.full((64, 64, 3), 200, np.uint8)
    half = Segmenter.from_pretrained(folder, names=["attention"], precision="float16")
    with pytest.raises(ValueError, match=r"'large' is no number .* float32 in place of float16"):
        half.compare(picture, ["ball"])
    whole = Segmenter.from_pretrained(folder, names=["attention"], precision="float32")
    assert np.isfinite(whole.compare(picture, ["ball"])["attention"].probability).all()


def test_a_tokenizer_without_a_length_has_the_text_encoders(backbone_folder, monkeypatch):
    broken = Segmenter.from_pretrained(backbone_folder, names=["attention"]).backbone
    broken.tokenizer.model_max_length = int(1e30)
    monkeypatch.setattr(broken.unet, "forward", None)
    with pytest.raises(
        ValueError, match=r"prompt is too long: the text encoder reads 14 of its 20"
    ):
        generate(broken, "red " * 20, steps=1)
