"""Backbones from files in the official layout, held against OpenCLIP's layers, and from a hub."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from huggingface_hub import constants

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.pocket import build_tokenizer
from ldznet.checkpoints.hub import REVISIONS
from tests.checkpoints.conftest import NETWORK as UNET
from tests.checkpoints.conftest import OPEN_CLIP
from tests.checkpoints.conftest import SECOND_WIDTHS as WIDTHS
from tests.conftest import WORDS, features_of


def equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_first_generation(first_tensors, text_encoder, write):
    model = LatentDiffusion.from_pretrained(write(first_tensors))
    equal(
        model.unet.state_dict(), convert_ldm_unet_checkpoint(dict(first_tensors), model.unet.config)
    )
    equal(model.vae.state_dict(), convert_ldm_vae_checkpoint(dict(first_tensors), model.vae.config))
    ids = torch.tensor(
        [model.tokenizer("the red ball", padding="max_length", max_length=77).input_ids]
    )
    with torch.no_grad():
        expected = text_encoder(ids).last_hidden_state
    assert torch.equal(model.encode_text(["the red ball"]), expected)
    assert (model.native_size, model.factor, model.unet.config.attention_head_dim) == (512, 8, 8)
    latents = model.encode_image(torch.zeros(1, 3, 64, 64))
    features = features_of(model, latents, model.encode_text(["ball"]), 400)
    assert torch.isfinite(features[10]).all()


def test_half_precision_in_the_file_or_in_memory(first_tensors, write):
    halves = {
        key: each.half() if each.is_floating_point() else each
        for key, each in first_tensors.items()
    }
    path = write(halves)
    model = LatentDiffusion.from_pretrained(path, precision="float32")
    assert {each.dtype for each in model.unet.state_dict().values()} == {torch.float32}
    key = f"{UNET}input_blocks.0.0.weight"
    assert torch.equal(model.unet.conv_in.weight, halves[key].float())
    model = LatentDiffusion.from_pretrained(path, precision="bfloat16")
    assert model.encode_text(["ball"]).dtype == model.dtype == torch.bfloat16
    assert torch.equal(model.unet.conv_in.weight, halves[key].bfloat16())


def test_the_second_generation(second_tensors, open_clip, write):
    model = LatentDiffusion.from_pretrained(write(second_tensors))
    equal(
        model.unet.state_dict(),
        convert_ldm_unet_checkpoint(dict(second_tensors), model.unet.config),
    )
    assert model.unet.config.use_linear_projection
    assert model.unet.config.block_out_channels == WIDTHS
    assert model.unet.config.attention_head_dim == (1, 1, 2, 2)
    ids = torch.tensor(
        [model.tokenizer("the red ball", padding="max_length", max_length=77).input_ids]
    )
    torch.testing.assert_close(
        model.encode_text(["the red ball"]), open_clip(ids), atol=1e-5, rtol=1e-5
    )


CLIP = "cond_stage_model.transformer."
STRAY = {
    "first": (
        "first_stage_model.loss.logvar",
        "first_stage_model.loss.discriminator.main.0.weight",
        "first_stage_model.model_ema.decay",
        "first_stage_model.model_ema.num_updates",
        f"{CLIP}text_projection.weight",
        f"{CLIP}logit_scale",
        f"{CLIP}vision_model.embeddings.class_embedding",
        f"{CLIP}visual_projection.weight",
    ),
    "second": (f"{OPEN_CLIP}visual.proj", f"{OPEN_CLIP}attn_mask", f"{OPEN_CLIP}logit_bias"),
}


@pytest.mark.parametrize("generation", STRAY)
def test_what_only_training_or_another_task_used_is_passed_over(
    generation, first_tensors, second_tensors, write
):
    tensors = {"first": first_tensors, "second": second_tensors}[generation]
    plain = LatentDiffusion.from_pretrained(write(tensors))
    stray = LatentDiffusion.from_pretrained(
        write(tensors | {key: torch.ones(2, 2) for key in STRAY[generation]})
    )
    for part in ("unet", "vae", "text_encoder"):
        equal(getattr(stray, part).state_dict(), getattr(plain, part).state_dict())
    for stranger in ("first_stage_model.decoder.lossy.weight", f"{CLIP}adapter.weight"):
        if generation == "first":
            refused(write(tensors | {stranger: torch.ones(2)}), "1 left over: ")


def test_the_tokenizer_is_fetched_where_none_is_beside(first_tensors, write, hub, tmp_path):
    path = write(first_tensors)
    (path.parent / "tokenizer").unlink()
    hub.model, hub.folder = "openai/clip-vit-large-patch14", tmp_path / "clip"
    refused(path, "holds no tokenizer, and there is no folder 'tokenizer' beside it")
    build_tokenizer(WORDS).save_pretrained(hub.folder)
    hub.commit = REVISIONS[hub.model]
    model = LatentDiffusion.from_pretrained(path)
    assert model.unknown_words("red zebra") == ("zebra",)
    assert all(name.startswith("tokenizer") for name in hub.served)


def test_a_tokenizer_of_another_model(first_tensors, write):
    path = write(first_tensors)
    (path.parent / "tokenizer").unlink()
    build_tokenizer([*WORDS, "zebra"]).save_pretrained(path.parent / "tokenizer")
    refused(path, "give it the tokenizer that the text encoder was trained with")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.update({f"{UNET}input_blocks.0.0.weight": torch.zeros(32, 9, 3, 3)}),
            r"in_channels 9 \(for inpainting\), expected 4",
        ),
        (lambda t: t.update({"conditioner.embedders.0.x": torch.zeros(1)}), "Stable Diffusion XL"),
        (lambda t: t.update({f"{UNET}joint_blocks.0.x": torch.zeros(1)}), "Stable Diffusion 3"),
        (lambda t: t.update({"control_model.x": torch.zeros(1)}), "ControlNet"),
        (lambda t: t.pop(f"{UNET}input_blocks.0.0.weight"), "has no 'model.diffusion_model.input"),
        (lambda t: t.pop(f"{UNET}middle_block.1.norm.bias"), "1 missing: mid_block.attentions.0"),
        (lambda t: t.pop("first_stage_model.decoder.conv_in.bias"), "'vae' do not make a whole"),
        (
            lambda t: [t.pop(key) for key in list(t) if key.startswith("cond_stage_model")],
            "'embeddings.token_embedding.weight' is missing",
        ),
        (
            lambda t: [t.pop(key) for key in list(t) if key.startswith("first_stage_model")],
            "'quant_conv.weight' is missing",
        ),
        (lambda t: t.update({f"{UNET}stranger": torch.zeros(1)}), "model.diffusion_model|stranger"),
    ],
    ids=[
        "inpainting",
        "xl",
        "3",
        "controlnet",
        "no unet",
        "unet",
        "vae",
        "no text",
        "no vae",
        "stranger",
    ],
)
def test_other_models_and_parts_that_are_not_whole(first_tensors, write, change, message):
    tensors = dict(first_tensors)
    change(tensors)
    refused(write(tensors), message)


def test_a_text_encoder_of_the_second_generation_that_is_not_whole(second_tensors, write):
    key = f"{OPEN_CLIP}transformer.resblocks.0.attn.out_proj.bias"
    tensors = {name: each for name, each in second_tensors.items() if name != key}
    refused(write(tensors), "1 missing: encoder.layers.0.self_attn.out_proj.bias")


@pytest.mark.parametrize("left", [0, 7, 1000, -100])
def test_a_file_cut_short(first_tensors, write, left):
    path = write(first_tensors)
    path.write_bytes(path.read_bytes()[:left])
    refused(path, "'model.safetensors' is cut short or damaged; copy or download it again")


def test_files_of_other_kinds(tmp_path):
    for name in ("model.ckpt", "owner/model.safetensors", str(tmp_path / "absent.safetensors")):
        refused(name, f"There is no file '{Path(name).name}'")
    (tmp_path / "model.ckpt").touch()
    refused(tmp_path / "model.ckpt", "convert it once with 'python -m ldznet convert model.ckpt")
    (tmp_path / "model.txt").touch()
    refused(tmp_path / "model.txt", "'model.txt' is no model; name a folder")


def refused(source, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        LatentDiffusion.from_pretrained(source)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
    assert "/tmp" not in str(caught.value)


# --- From a hub of our own: whole, of another kind, and what is fetched of it.


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
    refused("owner/model", "in_channels 9, expected 4")
    assert not [name for name in model.served if name.endswith(".safetensors")]


def test_weights_that_are_not_there(model):
    (model.folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    refused("owner/model", "missing: vae/diffusion_pytorch_model.safetensors")


@pytest.mark.parametrize("kind", ["shards", "variant"])
def test_shards_and_a_variant_alone_are_fetched(model, backbone, kind, monkeypatch):
    unet = model.folder / "unet"
    (weights,) = unet.glob("*model.safetensors")
    variant = unet / "diffusion_pytorch_model.fp16.safetensors"
    if kind == "variant":
        weights.rename(variant)
    else:
        weights.unlink()
        backbone.unet.save_pretrained(unet, max_shard_size="1MB")
    loaded = LatentDiffusion.from_pretrained("owner/model")
    equal(loaded.unet.state_dict(), backbone.unet.state_dict())
    names = {name for name in model.served if name.startswith("unet/") and "safetensors" in name}
    if kind == "variant":
        assert names == {"unet/diffusion_pytorch_model.fp16.safetensors"}
        assert "'fp16'" in loaded.remarks[0]
    else:
        expected = {f"unet/{path.name}" for path in unet.iterdir()} - {"unet/config.json"}
        assert names == expected - {f"unet/{variant.name}"}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = LatentDiffusion.from_pretrained("owner/model")
    equal(again.unet.state_dict(), backbone.unet.state_dict())
