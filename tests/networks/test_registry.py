import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ldznet.networks import NETWORKS, load_network

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    """A folder with a saved network of each kind."""
    folder = tmp_path_factory.mktemp("saved")
    for name in NETWORKS:
        tiny(name, factor=4).save_pretrained(folder / name)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of LD-ZNet's folder to damage."""
    return shutil.copytree(saved / "ldznet", tmp_path / "damaged")


def message_of(folder):
    """The one sentence `load_network` refuses the folder with."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the tests look at the message
        load_network(folder)
    message = str(caught.value)
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    assert str(folder.parent) not in message
    return message


@pytest.mark.parametrize("name", NETWORKS)
def test_saved_and_loaded_again(saved, tiny, encode, name):
    assert sorted(path.name for path in (saved / name).iterdir()) == ["config.json", WEIGHTS]
    network, original, encoding = load_network(saved / name), tiny(name, factor=4), encode(factor=4)
    assert type(network) is NETWORKS[name]
    assert not network.training
    assert dict(network.config).items() >= {"factor": 4, "sample_size": 16}.items()
    with torch.no_grad():
        assert torch.equal(network(encoding), original(encoding))


def test_half_precision_weights_load(saved, tmp_path, encode):
    load_network(saved / "znet").half().save_pretrained(tmp_path / "half")
    assert load_file(tmp_path / "half" / WEIGHTS)["unet.conv_in.weight"].dtype == torch.float16
    loaded = load_network(tmp_path / "half").float()
    encoding = encode(factor=4)
    with torch.no_grad():
        difference = (loaded(encoding) - load_network(saved / "znet")(encoding)).abs().max()
    assert difference < 0.05


def test_no_folder(tmp_path):
    assert "no network folder 'absent'" in message_of(tmp_path / "absent")


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert "no network folder 'file'" in message_of(tmp_path / "file")


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '"LDZNet"', "\xff"])
def test_no_config(folder, text):
    (folder / "config.json").unlink()
    if text is not None:
        (folder / "config.json").write_bytes(text.encode("latin-1"))
    assert "'damaged' holds no network" in message_of(folder)


def test_another_model(folder):
    (folder / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    message = message_of(folder)
    assert "no segmentation network but AutoencoderKL" in message
    assert "RGBNet, ZNet, LDZNet" in message


@pytest.mark.parametrize("name", ["ldznet", "znet"])
def test_a_kind_takes_only_its_own_folder(saved, backbone_folder, name, capfd):
    """Left to diffusers, another's tensors are dropped, and the missing ones stay empty."""
    network = NETWORKS[name]
    assert type(network.from_pretrained(saved / name)) is network
    capfd.readouterr()
    for other in (saved / "rgbnet", backbone_folder / "unet", backbone_folder / "vae"):
        with pytest.raises(ValueError, match=f"holds no {network.__name__} but "):
            network.from_pretrained(other)
    with pytest.raises(ValueError, match="holds no network"):
        network.from_pretrained(backbone_folder / "text_encoder")
    assert capfd.readouterr() == ("", "")


def test_no_weights(folder):
    (folder / WEIGHTS).unlink()
    assert f"has no weights ({WEIGHTS})" in message_of(folder)


@pytest.mark.parametrize("damage", ["empty", "cut", "noise"])
def test_damaged_weights(folder, damage):
    weights = folder / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(
        {"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"\x80" * 5000}[damage]
    )
    assert "cannot be read as those of LD-ZNet" in message_of(folder)


def test_weights_of_another_network(saved, folder):
    shutil.copy(saved / "znet" / WEIGHTS, folder)
    assert "do not fit its config.json" in message_of(folder)


def test_weights_of_another_size(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sample_size": 32}))
    assert "'damaged'" in message_of(folder)


@pytest.mark.parametrize("change", ["missing", "left over"])
def test_one_tensor_too_few_or_too_many(folder, change):
    tensors = load_file(folder / WEIGHTS)
    if change == "missing":
        del tensors["head.0.bias"]
    else:
        tensors["head.99.bias"] = torch.zeros(1)
    save_file(tensors, folder / WEIGHTS)
    assert "(1 tensors are" in message_of(folder)
