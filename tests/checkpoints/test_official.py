"""The mapping of official names: complete at full size, and loud about what it does not know."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from ldznet.checkpoints.official import rename_network, rename_unet
from ldznet.networks import LDZNet, ZNet
from tests.checkpoints.reference import to_official


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


def test_diffusers_own_conversion_agrees(official):
    """Where diffusers' converter is defined (an LDM without fusion and head), ours is the same."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    weights = official.weights("ldm")
    prefixed = {f"model.diffusion_model.{key}": tensor for key, tensor in weights.items()}
    theirs = convert_ldm_unet_checkpoint(prefixed, {"layers_per_block": 2})
    ours = rename_unet(weights)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


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
