"""Folders of diffusers' layout: whole, of older libraries, damaged, and of other models."""

import json
import re
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.pocket import build_autoencoder
from ldznet.pipeline import Segmenter
from tests.conftest import features_of

PARTS = ("vae", "unet", "text_encoder")


@pytest.fixture
def folder(backbone_folder, tmp_path):
    """A copy of the backbone's folder, to damage."""
    return shutil.copytree(backbone_folder, tmp_path / "model")


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_half_precision_weights_load_in_either_precision(folder, backbone):
    for part in PARTS:
        (weights,) = (folder / part).glob("*.safetensors")
        halves = {name: tensor.half() for name, tensor in load_file(weights).items()}
        save_file(halves, weights, metadata={"format": "pt"})
    loaded = LatentDiffusion.from_pretrained(folder)
    assert loaded.dtype == loaded.encode_text(["ball"]).dtype == torch.float32
    torch.testing.assert_close(
        loaded.encode_text(["ball"]), backbone.encode_text(["ball"]), atol=1e-2, rtol=1e-2
    )
    half = LatentDiffusion.from_pretrained(folder, precision="bfloat16")
    assert half.unet.dtype == half.vae.dtype == half.encode_text(["ball"]).dtype == torch.bfloat16
    latents = half.encode_image(torch.zeros(1, 3, 32, 32))
    features = features_of(half, latents, half.encode_text(["ball"]), 400)
    assert features[7].dtype == torch.bfloat16


def test_a_text_encoder_saved_by_older_libraries_loads(folder, backbone):
    (weights,) = (folder / "text_encoder").glob("*.safetensors")
    older = {
        f"text_model.{name.removeprefix('text_model.')}": tensor
        for name, tensor in load_file(weights).items()
    }
    older["text_model.embeddings.position_ids"] = torch.arange(16)[None]
    save_file(older, weights, metadata={"format": "pt"})
    loaded = LatentDiffusion.from_pretrained(folder)
    assert torch.equal(loaded.encode_text(["red ball"]), backbone.encode_text(["red ball"]))


def test_an_autoencoder_saved_by_older_libraries_loads(folder):
    (weights,) = (folder / "vae").glob("*.safetensors")
    older = load_file(weights)
    for new, old in {
        "to_q": "query",
        "to_k": "key",
        "to_v": "value",
        "to_out.0": "proj_attn",
    }.items():
        older = {name.replace(f".{new}.", f".{old}."): each for name, each in older.items()}
    save_file(older, weights, metadata={"format": "pt"})
    assert any(".proj_attn." in name for name in older)
    theirs = AutoencoderKL.from_pretrained(folder / "vae").state_dict()
    ours = LatentDiffusion.from_pretrained(folder).vae.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_folder_without_an_index_and_with_a_patch_autoencoder_loads(folder):
    (folder / "model_index.json").unlink()
    shutil.rmtree(folder / "vae")
    autoencoder = build_autoencoder()
    autoencoder.save_pretrained(folder / "vae")
    loaded = LatentDiffusion.from_pretrained(folder)
    assert type(loaded.vae) is type(autoencoder)
    assert loaded.factor == autoencoder.factor
    side = loaded.multiple
    latents = loaded.encode_image(torch.zeros(1, 3, side, side))
    assert latents.shape[-1] * loaded.factor == side


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def drop_a_tensor(path):
    tensors = load_file(path)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, path, metadata={"format": "pt"})


def widen_a_tensor(path):
    tensors = load_file(path)
    name = sorted(tensors)[0]
    tensors[name] = torch.cat([tensors[name], tensors[name]])
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("damage", [truncate, drop_a_tensor, widen_a_tensor])
def test_damaged_weights_are_named(folder, part, damage):
    (weights,) = (folder / part).glob("*.safetensors")
    damage(weights)
    expect_sentence(folder, f"part '{part}' cannot be read")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("unet/config.json", "{"),
        ("vae/config.json", "[]"),
        ("text_encoder/config.json", "no json"),
        ("tokenizer/tokenizer.json", "{}"),
        ("scheduler/scheduler_config.json", "{"),
    ],
)
def test_damaged_configurations_are_named(folder, file, text):
    (folder / file).write_text(text)
    expect_sentence(folder, f"part '{file.split('/')[0]}' cannot be read")


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("unet/config.json", {"layers_per_block": 1}, "layers_per_block 1, expected 2"),
        ("unet/config.json", {"in_channels": 9}, "in_channels 9"),
        ("unet/config.json", {"down_block_types": ["DownBlock2D"] * 3}, "down_block_types"),
        ("unet/config.json", {"addition_embed_type": "text_time"}, "addition_embed_type text_time"),
        ("unet/config.json", {"class_embed_type": "projection"}, "class_embed_type projection"),
        ("unet/config.json", {"time_cond_proj_dim": 256}, "time_cond_proj_dim 256"),
        ("vae/config.json", {"_class_name": "AutoencoderTiny"}, "class 'AutoencoderTiny'"),
        ("text_encoder/config.json", {"model_type": "t5"}, "text encoder is a t5"),
        (
            "model_index.json",
            {"_class_name": "StableDiffusion3Pipeline", "transformer": ["diffusers", "X"]},
            "it is a StableDiffusion3Pipeline, with a transformer in place of the U-Net",
        ),
    ],
)
def test_another_topology_is_refused(folder, file, changes, message):
    edit(folder / file, **changes)
    expect_sentence(folder, message)


def test_a_controlnet_is_refused(folder):
    for part in (*PARTS, "tokenizer", "scheduler"):
        shutil.rmtree(folder / part)
    (folder / "model_index.json").unlink()
    (folder / "config.json").write_text('{"_class_name": "ControlNetModel"}')
    expect_sentence(folder, "it is a ControlNetModel, without a U-Net of its own")


def test_parts_of_different_models_are_refused(folder):
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig.from_pretrained(folder / "text_encoder")
    config.hidden_size = 48
    CLIPTextModel(config).save_pretrained(folder / "text_encoder")
    expect_sentence(folder, "text encoder is 48 wide, its U-Net reads 32")


@pytest.mark.parametrize("part", [*PARTS, "tokenizer", "scheduler"])
def test_a_missing_part_is_named(folder, part):
    shutil.rmtree(folder / part)
    expect_sentence(folder, f"missing: {part}/")


@pytest.mark.parametrize("part", PARTS)
def test_weights_of_another_model_end_in_a_sentence_and_nothing_else(folder, part, capfd):
    """Left to the libraries, they end in pages of names and a model without weights."""
    other = "vae" if part == "unet" else "unet"
    (weights,) = (folder / part).glob("*.safetensors")
    shutil.copy(folder / other / "diffusion_pytorch_model.safetensors", weights)
    expect_sentence(folder, f"part '{part}' cannot be read")
    assert capfd.readouterr() == ("", "")


def test_folders_of_other_models(backbone_folder, networks_folder, folder):
    expect_sentence(backbone_folder / "text_encoder", "not a whole diffusers model")
    expect_sentence(backbone_folder / "vae", "it is a AutoencoderKL, without a U-Net of its own")
    expect_sentence(networks_folder / "ldznet", "it is a LDZNet, without a U-Net of its own")
    expect_sentence(networks_folder, "not a whole diffusers model")
    with pytest.raises(ValueError, match="holds none of the networks asked for"):
        Segmenter.from_pretrained(backbone_folder, networks=backbone_folder)
    with pytest.raises(ValueError, match="is not a whole diffusers model"):
        Segmenter.from_pretrained(networks_folder)
    (weights,) = (folder / "unet").glob("*.safetensors")
    weights.rename(weights.with_name("diffusion_pytorch_model-00001-of-00002.safetensors"))
    expect_sentence(folder, r"missing: unet/diffusion_pytorch_model\.safetensors")


def test_pickled_weights_alone_are_refused(folder):
    (weights,) = (folder / "unet").glob("*.safetensors")
    weights.rename(weights.with_suffix(".bin"))
    expect_sentence(folder, r"missing: unet/diffusion_pytorch_model\.safetensors")


def name_variant(folder, part, variant):
    (weights,) = (folder / part).glob("*.safetensors")
    weights.rename(
        weights.with_name(weights.name.replace(".safetensors", f".{variant}.safetensors"))
    )


def split_into_shards(folder, backbone, variant=None):
    """As the libraries themselves write shards; returns how many files the U-Net has then."""
    models = {"unet": backbone.unet, "vae": backbone.vae, "text_encoder": backbone.text_encoder}
    for part, model in models.items():
        for file in (folder / part).glob("*.safetensors"):
            file.unlink()
        size = sum(each.nbytes for each in model.state_dict().values())
        model.save_pretrained(folder / part, max_shard_size=size // 2, variant=variant)
        assert list((folder / part).glob("*.index*.json"))
    return len(list((folder / "unet").glob("*.safetensors")))


def expect_the_same(loaded, backbone):
    for part in PARTS:
        ours, theirs = getattr(loaded, part).state_dict(), getattr(backbone, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_shards_under_an_index_are_a_whole_part(folder, backbone, variant):
    assert split_into_shards(folder, backbone, variant) > 1
    loaded = LatentDiffusion.from_pretrained(folder)
    expect_the_same(loaded, backbone)
    expect_the_same(StableDiffusionPipeline.from_pretrained(folder, variant=variant), backbone)
    assert len(loaded.remarks) == (len(PARTS) if variant else 0)
    shard = sorted((folder / "unet").glob("*.safetensors"))[-1]
    shard.unlink()
    expect_sentence(folder, f"missing: unet/{re.escape(shard.name)};")


@pytest.mark.parametrize("content", ["{", "[]", '{"weight_map": {"a": "../../b.safetensors"}}'])
def test_a_damaged_list_of_shards_is_named(folder, backbone, content):
    split_into_shards(folder, backbone)
    (index,) = (folder / "unet").glob("*.index.json")
    index.write_text(content)
    expect_sentence(folder, f"list of shards 'unet/{re.escape(index.name)}' cannot be read")


def test_a_variant_alone_is_taken_and_named(folder, backbone):
    name_variant(folder, "unet", "fp16")
    loaded = LatentDiffusion.from_pretrained(folder)
    expect_the_same(loaded, backbone)
    assert loaded.remarks == (
        "Of the part 'unet' there is only the variant 'fp16', which was taken.",
    )


def test_of_variants_the_most_exact_counts_and_training_weights_come_last(folder, backbone):
    unet = folder / "unet"
    name_variant(folder, "unet", "fp32")
    for other in ("fp16", "non_ema", "ema"):
        (unet / f"diffusion_pytorch_model.{other}.safetensors").write_bytes(b"another")
    assert "'fp32'" in LatentDiffusion.from_pretrained(folder).remarks[0]
    (unet / "diffusion_pytorch_model.fp32.safetensors").rename(
        unet / "diffusion_pytorch_model.ema.safetensors"
    )
    (unet / "diffusion_pytorch_model.fp16.safetensors").unlink()
    loaded = LatentDiffusion.from_pretrained(folder)
    assert "'ema'" in loaded.remarks[0]
    expect_the_same(loaded, backbone)


def test_folders_that_are_none_are_refused(tmp_path):
    expect_sentence(tmp_path, "not a whole diffusers model")
    expect_sentence(tmp_path / "absent", "no model folder")
    expect_sentence(str(tmp_path / "absent"), "no model folder")
    expect_sentence("./absent/model", "no model folder")


def expect_sentence(source, pattern):
    with pytest.raises(ValueError, match=pattern) as caught:
        LatentDiffusion.from_pretrained(source)
    assert re.fullmatch(r"[^\n]+\.", str(caught.value))
    assert "/tmp" not in str(caught.value)
