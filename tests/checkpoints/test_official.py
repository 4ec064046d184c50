"""Official names: as written down, complete at full size, loud about what is unknown; and sizes."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_open_clip_checkpoint,
)

from ldznet.checkpoints.official import (
    CLIP,
    FIRST_STAGE,
    OPEN_CLIP,
    build_clip,
    build_first_stage,
    build_open_clip,
    rename_network,
    rename_unet,
    with_dots,
)
from ldznet.networks import LDZNet, ZNet
from tests.checkpoints.conftest import OpenClip
from tests.checkpoints.reference import first_stage_name, to_official


def on_meta(shapes):
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def shapes(state_dict):
    return {key: tuple(tensor.shape) for key, tensor in state_dict.items()}


@pytest.mark.parametrize(("name", "network"), [("ldznet", LDZNet), ("znet", ZNet)])
def test_full_size_network_is_covered_exactly(official, name, network):
    with torch.device("meta"):
        ours = network()
    converted = rename_network(on_meta(official.full_size[name]))
    assert shapes(converted) == shapes(ours.state_dict())
    assert len(converted) == len(official.full_size[name])


@pytest.mark.parametrize(("name", "network"), [("ldznet", LDZNet), ("znet", ZNet)])
def test_the_way_back_gives_the_official_keys(official, name, network):
    with torch.device("meta"):
        ours = network()
    assert {to_official(key) for key in ours.state_dict()} == official.full_size[name].keys()
    assert to_official("stem.0.weight") == "stem.0.weight"


def test_full_size_ldm_is_covered_exactly(official):
    with torch.device("meta"):
        ours = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
    converted = rename_unet(on_meta(official.full_size["ldm"]))
    assert shapes(converted) == shapes(ours.state_dict())


def test_every_name_is_the_one_written_down(official):
    """The names come from diffusers' converter; each tensor lies where the table says."""
    weights = official.weights("ldznet")
    ours = rename_network(weights)
    assert {to_official(name) for name in ours} == weights.keys()
    for name, tensor in ours.items():
        theirs = weights[to_official(name)]
        if "positions" not in name:
            assert torch.equal(tensor, theirs.reshape(tensor.shape))


def test_nothing_is_copied(official):
    weights = official.weights("ldm")
    renamed = rename_unet(weights)
    places = {tensor.data_ptr() for tensor in weights.values()}
    assert {tensor.data_ptr() for tensor in renamed.values()} == places


@pytest.mark.parametrize("name", ["ldm", "ldznet", "znet"])
def test_keys_get_their_dots_back(official, name):
    for key in official.full_size[name]:
        assert with_dots(key.replace(".", "")) == key
    assert with_dots("stem0weight") == "stem.0.weight"
    assert with_dots("nosuchtensor") is with_dots("input_blocks00weightx") is None


def test_the_first_stage(layout):
    given = {key.removeprefix(FIRST_STAGE): each for key, each in layout.first_stage.items()}
    model, tensors = build_first_stage(given)
    assert tensors.keys() == model.state_dict().keys()
    for key, tensor in given.items():
        ours = tensors[first_stage_name(key)]
        assert torch.equal(ours, tensor.reshape(ours.shape))
        assert ours.data_ptr() == tensor.data_ptr()
    _, tensors = build_first_stage(given | {"stranger": torch.zeros(1)})
    assert "stranger" in tensors  # the converter drops it


def test_an_upsampling_layer_without_its_bias(official):
    weights = official.weights("ldm")
    del weights["output_blocks.2.1.conv.bias"]
    with pytest.raises(ValueError, match=r"'output_blocks\.2\.1\.conv\.bias' is missing"):
        rename_unet(weights)


def test_clip_differs_from_diffusers_only_in_the_wrapper(layout):
    """Were it not for that, there would be nothing to convert."""
    theirs = convert_ldm_clip_checkpoint(layout.text_encoder)
    model, ours = build_clip(
        {key.removeprefix(CLIP): each for key, each in layout.text_encoder.items()}
    )
    assert theirs.keys() ^ {f"text_model.{name}" for name in ours} == {
        "text_model.embeddings.position_ids"
    }
    assert not model.state_dict().keys() & theirs.keys()
    assert all(torch.equal(theirs[f"text_model.{name}"], ours[name]) for name in ours)


@pytest.mark.parametrize("layers", [3, 24])
def test_open_clip_against_diffusers(layers):
    """Equal up to what keeps theirs from being used: see the module's first lines."""
    given = OpenClip(8, layers=layers, width=64).state_dict()
    model, ours = build_open_clip(given)
    theirs = convert_open_clip_checkpoint(
        model, {OPEN_CLIP + key: each.detach() for key, each in given.items()}
    )
    assert all(torch.equal(theirs[f"text_model.{name}"], ours[name]) for name in ours)
    left = theirs.keys() - {f"text_model.{name}" for name in ours}
    last = {name for name in left if name.startswith("text_model.encoder.layers.2.")}
    assert left == last
    assert bool(last) == (layers == 3)  # theirs knows the last layer by its number, 23
    name, whole = "encoder.layers.0.self_attn.q_proj.weight", "transformer.resblocks.0.attn."
    place = given[f"{whole}in_proj_weight"].data_ptr()
    assert ours[name].data_ptr() == place != theirs[f"text_model.{name}"].data_ptr()


def test_values_of_the_fusion_keep_their_places(official):
    weights = official.weights("ldznet")
    ours = rename_network(weights)
    there = "middle_block.1.attentionpool2D."
    here = "unet.mid_block.attentions.0.transformer_blocks.0.pool."
    table = weights[f"{there}positional_embedding"]  # (C, 1 + grid * grid)
    assert torch.equal(ours[f"{here}positions"][5], table[:, 5])
    assert torch.equal(ours[f"{here}qkv.weight"], weights[f"{there}qkv_proj.weight"][:, :, 0])


@pytest.mark.parametrize(
    "stranger",
    ["input_blocks.12.0.in_layers.0.weight", "label_emb.0.weight", "input_blocks.11.1.norm.weight"],
)
def test_unknown_keys_are_named(stranger):
    known = {"out.0.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=stranger.replace(".", r"\.")) as caught:
        rename_network({**known, stranger: torch.zeros(1)})
    assert "out.0" not in str(caught.value)


def test_keys_with_their_prefix_are_refused(official):
    with pytest.raises(ValueError, match="without their prefix"):
        rename_network({"model.diffusion_model.out.0.weight": torch.zeros(1)})
