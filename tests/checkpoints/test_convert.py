"""Official checkpoints converted: the written files against the official modules' numbers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from safetensors.torch import load_file

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.pocket import build_tokenizer
from ldznet.checkpoints.convert import Conversion
from ldznet.checkpoints.convert import convert as convert_checkpoint
from ldznet.checkpoints.file import listed
from ldznet.networks import NETWORKS, load_network
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding
from tests.checkpoints.conftest import FIRST_STAGE, LDM, NETWORK, TEXT, averaged_name
from tests.checkpoints.reference import to_official
from tests.conftest import WORDS, features_of


def convert(checkpoint, folder, tokenizer=None) -> Conversion:
    return convert_checkpoint(checkpoint, folder, NETWORKS, tokenizer)


@pytest.fixture(scope="module")
def converted(tmp_path_factory, layout, tokenizer_folder):
    """A whole checkpoint and one tensor nobody knows, converted: the folder and the account."""
    folder = tmp_path_factory.mktemp("converted")
    torch.save({"state_dict": layout.whole() | {"logvar": torch.zeros(1000)}}, folder / "a.ckpt")
    (folder / "out").mkdir()
    return folder / "out", convert(folder / "a.ckpt", folder / "out", tokenizer_folder)


@pytest.fixture(scope="module")
def backbone(converted):
    return LatentDiffusion.from_pretrained(converted[0] / "backbone")


@pytest.fixture(scope="module")
def ldznet(converted):
    return load_network(converted[0] / "ldznet").requires_grad_(False)


def samples(tensor, count):
    flat = tensor.numpy().ravel()
    return flat[np.unique(np.floor(np.linspace(0, flat.size - 1, count)).astype(int))]


def largest_difference(ours, expected):
    assert ours.shape == expected.shape
    return np.abs(np.asarray(ours, dtype=np.float64) - expected).max()


def run_network(network, encoding):
    """The logits, and the map that the head reads."""
    maps = []
    with network.head.register_forward_pre_hook(lambda module, args: maps.append(args[0])):
        return network(encoding), maps[0]


def encode(backbone, inputs, timestep):
    """What a segmentation network reads, from the written backbone's U-Net and schedule."""
    z, noise, text = inputs
    features = features_of(backbone, backbone.add_noise(z, timestep, noise), text, timestep)
    return Encoding(torch.empty(0), z, text, features)


@pytest.mark.parametrize("case", ["a", "b", "c"])
def test_the_written_files_give_the_official_numbers(official, backbone, ldznet, case):
    timestep = official.manifest["cases"][case]["t"]
    encoding = encode(backbone, official.inputs(case), timestep)
    logits, out = run_network(ldznet, encoding)
    expected = official.expected
    assert largest_difference(out, expected[f"{case}/out"]) < 1e-4
    if case == "c":
        assert largest_difference(samples(logits, 4096), expected["c/logits_sample"]) < 2e-4
    else:
        assert largest_difference(logits, expected[f"{case}/logits"]) < 2e-4


def test_float64_agrees_to_1e_10(official, backbone, ldznet):
    z, noise, text = (tensor.double() for tensor in official.inputs("a"))
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.0120**0.5, 1000) ** 2)[400]
    # As the official buffers are: square roots rounded to float32.
    noisy = float(np.float32(kept**0.5)) * z + float(np.float32((1 - kept) ** 0.5)) * noise
    try:
        backbone.unet.double(), ldznet.double()
        features = features_of(backbone, noisy, text, 400)
        logits, out = run_network(ldznet, Encoding(torch.empty(0), z, text, features))
    finally:
        backbone.unet.float(), ldznet.float()
    assert largest_difference(out, official.expected["a/out_f64"]) < 1e-10
    ours = samples(logits, 1024)
    assert largest_difference(ours, official.expected["a/logits_sample_f64"]) < 1e-10


@pytest.fixture
def znet_weights(official, layout):
    """ZNet's tensors as trained; they are the same as LD-ZNet's where both have them."""
    keys = official.manifest["networks"]["znet"]["state"]
    return {NETWORK + key: layout.averages[averaged_name(key)] for key in keys}


def test_znet_gives_its_numbers(official, znet_weights, save, tmp_path):
    """Without averages: the weights as trained count."""
    conversion = convert(save(znet_weights), tmp_path)
    assert (list(conversion.written), conversion.averaged) == (["znet"], 0)
    znet = load_network(tmp_path / "znet").requires_grad_(False)
    z, _, text = official.inputs("a")
    logits, out = run_network(znet, Encoding(torch.empty(0), z, text))
    assert largest_difference(out, official.expected["a/znet_out"]) < 1e-4
    ours = samples(logits, 4096)
    assert largest_difference(ours, official.expected["a/znet_logits_sample"]) < 2e-4


def test_every_tensor_is_accounted_for(converted, layout):
    folder, conversion = converted
    unused = conversion.unused
    assert unused["unknown"] == ["logvar"]
    left = [key for keys in unused.values() for key in keys]
    assert len(left) == len(set(left))
    written = conversion.written
    assert {name: part["tensors"] for name, part in written.items()} == {
        "ldznet": len(layout.network),
        "backbone/unet": len(layout.ldm),
        "backbone/vae": len(layout.first_stage),
        "backbone/text_encoder": len(layout.text_encoder) - 1,  # without the position numbers
    }
    total = sum(part["tensors"] for part in written.values())
    assert total + len(left) == len(layout.whole()) + 1
    for name in written:
        weights = "model" if name.endswith("text_encoder") else "diffusion_pytorch_model"
        file = load_file(folder / name / f"{weights}.safetensors")
        assert len(file) == written[name]["tensors"]
        assert sum(each.numel() for each in file.values()) == written[name]["parameters"]
    assert conversion.missing == {}
    assert conversion.averaged == len(layout.network)


def test_first_stage(official, backbone, layout):
    """The fixture's latents, and for the decoder the same tensors as diffusers' own conversion."""
    image = official.draw("input:vae:image", official.manifest["vae_encoder"]["image"]["shape"])
    latents = backbone.encode_image(torch.from_numpy(np.tanh(image).astype(np.float32)))
    expected = np.load(official.expected.fid.name.replace("io.npz", "vae_encoder.npz"))
    assert largest_difference(latents, expected["latent_mode_scaled"]) < 1e-5
    theirs = convert_ldm_vae_checkpoint(dict(layout.first_stage), backbone.vae.config)
    ours = backbone.vae.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_text_encoder(backbone, text_encoder):
    tokens = torch.tensor(build_tokenizer(WORDS)(["the red ball left of a car"]).input_ids)
    with torch.no_grad():
        expected = text_encoder(tokens).last_hidden_state
        assert torch.equal(backbone.text_encoder(tokens).last_hidden_state, expected)
    assert backbone.encode_text(["red ball"]).shape == (1, 77, 64)
    assert backbone.unknown_words("red zebra") == ("zebra",)  # the tokenizer came along


def test_the_folder_makes_a_segmenter(converted):
    folder = converted[0]
    segmenter = Segmenter.from_pretrained(folder / "backbone", networks=folder, names=["ldznet"])
    assert segmenter.native_size == 384


LOADS = """
import sys
from ldznet import Segmenter

Segmenter.from_pretrained("pocket", precision="bfloat16")
folder = sys.argv[1]
Segmenter.from_pretrained(f"{folder}/backbone", networks=folder, names=["ldznet"])
"""


def test_a_load_prints_nothing(converted):
    """Of a program of one's own, in which nobody silenced the libraries."""
    environment = {key: each for key, each in os.environ.items() if "VERBOSITY" not in key}
    environment.pop("HF_HUB_DISABLE_PROGRESS_BARS", None)
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(converted[0])],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def as_checkpoint(network):
    """A network of ours under official keys, its position tables and pools in official shape."""
    tensors = {}
    for name, tensor in network.state_dict().items():
        key = to_official(name)
        if key.endswith("positional_embedding"):
            tensor = tensor.T.contiguous()
        elif "attentionpool2D" in key and key.endswith("weight"):
            tensor = tensor[:, :, None]
        tensors[NETWORK + key] = tensor
    return tensors


@pytest.mark.parametrize(
    ("kind", "averages_only"),
    [("rgbnet", False), ("znet", False), ("ldznet", False), ("rgbnet", True), ("ldznet", True)],
)
def test_sizes_come_from_the_tensors(save, tmp_path, kind, averages_only):
    """Widths of every kind, text width, grid and factor: the same network comes back."""
    factor = 8 if averages_only else 4  # names of another factor's head are only known as trained
    grid = 16 if kind == "ldznet" else 48  # only a position table tells it
    size = {"block_out_channels": (32, 32, 64, 96), "cross_attention_dim": 24}
    network = NETWORKS[kind](**size, sample_size=grid, factor=factor)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    tensors = as_checkpoint(network)
    if averages_only:
        tensors = {averaged_name(key.removeprefix(NETWORK)): tensors[key] for key in tensors}
    conversion = convert(save(tensors), tmp_path)
    assert list(conversion.written) == [kind]
    assert conversion.averaged == (len(tensors) if averages_only else 0)
    loaded = load_network(tmp_path / kind)
    config = json.loads((tmp_path / kind / "config.json").read_text())
    assert tuple(config["block_out_channels"]) == size["block_out_channels"]
    assert config["cross_attention_dim"] == size["cross_attention_dim"]
    assert (config["sample_size"], config["factor"]) == (grid, factor)
    ours, back = network.state_dict(), loaded.state_dict()
    assert ours.keys() == back.keys()
    assert all(torch.equal(ours[name], back[name]) for name in ours)


def test_averages_of_some_tensors_replace_only_those(layout, save, tmp_path):
    key = "input_blocks.0.0.weight"
    some = {averaged_name(key): layout.averages[averaged_name(key)]}
    stranger = {averaged_name("no.such.tensor"): torch.ones(1)}
    conversion = convert(save(layout.network | some | stranger), tmp_path)
    assert conversion.averaged == 1
    assert conversion.unused == {
        "weights as trained, of which the averages were taken": [NETWORK + key],
        "unknown": list(stranger),
    }
    state = load_network(tmp_path / "ldznet").state_dict()
    nonzero = [name for name, tensor in state.items() if tensor.any()]
    assert nonzero == ["unet.conv_in.weight"]


def test_half_precision_stays(znet_weights, save, tmp_path):
    conversion = convert(save({key: each.half() for key, each in znet_weights.items()}), tmp_path)
    assert conversion.written["znet"]["precision"] == "float16"
    file = load_file(tmp_path / "znet" / "diffusion_pytorch_model.safetensors")
    assert {tensor.dtype for tensor in file.values()} == {torch.float16}


def test_plain_stable_diffusion_becomes_a_backbone(layout, save, tmp_path):
    """Its weights as trained: the official recipe reads the features of those."""
    trained = {NETWORK + key.removeprefix(LDM): each for key, each in layout.ldm.items()}
    averages = {
        averaged_name(key.removeprefix(NETWORK)): torch.zeros_like(each)
        for key, each in trained.items()
    }
    rest = layout.first_stage | layout.text_encoder
    conversion = convert(save(trained | averages | rest), tmp_path)
    parts = ["backbone/unet", "backbone/vae", "backbone/text_encoder"]
    assert list(conversion.written) == parts
    assert list(conversion.missing) == ["backbone/tokenizer"]
    file = load_file(tmp_path / "backbone/unet/diffusion_pytorch_model.safetensors")
    assert torch.equal(file["conv_in.weight"], trained[f"{NETWORK}input_blocks.0.0.weight"])
    (reason,) = [reason for reason in conversion.unused if "averages of the" in reason]
    assert conversion.unused[reason] == list(averages)


def test_the_second_generation_becomes_what_its_file_is_read_as(
    second_tensors, save, write, tokenizer_folder, tmp_path
):
    """Text encoder, prediction and native size; the folder that is advised is then read."""
    tensors = second_tensors | {"v_pred": torch.zeros(0)}
    conversion = convert(save(tensors), tmp_path, tokenizer_folder)
    assert conversion.missing == {}
    assert "unknown" not in conversion.unused
    ours = LatentDiffusion.from_pretrained(tmp_path / "backbone")
    theirs = LatentDiffusion.from_pretrained(write(tensors))
    assert torch.equal(ours.encode_text(["red ball"]), theirs.encode_text(["red ball"]))
    assert ours.scheduler.config.prediction_type == "v_prediction"
    assert ours.native_size == theirs.native_size == 768


def test_a_part_that_is_not_whole_is_left_out_and_named(layout, save, tmp_path):
    gone = f"{FIRST_STAGE}decoder.conv_in.bias"
    first_stage = {key: each for key, each in layout.first_stage.items() if key != gone}
    text_encoder = layout.text_encoder | {f"{TEXT}stranger": torch.zeros(1)}
    conversion = convert(save(layout.ldm | first_stage | text_encoder), tmp_path)
    assert list(conversion.written) == ["backbone/unet"]
    assert "1 missing: decoder.conv_in.bias" in conversion.missing["backbone/vae"]
    assert "1 left over: stranger" in conversion.missing["backbone/text_encoder"]
    assert conversion.unused["of 'backbone/vae', which is not whole"] == list(first_stage)
    assert not (tmp_path / "backbone" / "vae").exists()


def test_another_noise_schedule_is_named(layout, save, tmp_path):
    schedule = layout.schedule | {"betas": layout.schedule["betas"] * 1.01}
    conversion = convert(save(layout.ldm | schedule), tmp_path)
    assert "noise schedule" in conversion.missing["backbone/scheduler"]
    assert not (tmp_path / "backbone" / "scheduler").exists()
    (tmp_path / "half").mkdir()
    rounded = {key: each.half() for key, each in layout.schedule.items()}
    conversion = convert(save(layout.ldm | rounded), tmp_path / "half")
    assert "backbone/scheduler" not in conversion.missing


OUT = f"{NETWORK}final.2.bias"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda tensors: tensors.pop(OUT), "1 missing: head.2.bias"),
        (lambda tensors: tensors.update({OUT: torch.zeros(2)}), "1 of another shape: head.2.bias"),
        (lambda tensors: tensors.update({f"{NETWORK}final.99.bias": torch.zeros(1)}), "head.99"),
        (lambda tensors: tensors.update({f"{NETWORK}label_emb.w": torch.zeros(1)}), "label_emb.w"),
        (lambda tensors: tensors.pop(f"{NETWORK}input_blocks.4.0.out_layers.3.weight"), "blocks.4"),
    ],
    ids=["missing", "shape", "left over", "stranger", "size"],
)
def test_a_network_that_is_not_whole_is_refused(layout, save, tmp_path, change, problem):
    tensors = dict(layout.network)
    change(tensors)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=problem):
        convert(save(tensors), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_to_convert(layout, save, tmp_path):
    with pytest.raises(ValueError, match=r"its tensors are betas, visual\.w"):
        convert(save({"visual.w": torch.zeros(1), "betas": torch.zeros(1)}), tmp_path)
    second = {key: each for key, each in layout.ldm.items() if "input_blocks.4" not in key}
    with pytest.raises(ValueError, match=r"'input_blocks\.4\.0\.out_layers\.3\.weight' is missing"):
        convert(save(second), tmp_path)


def test_a_tokenizer_of_another_vocabulary_is_refused(layout, save, tmp_path):
    build_tokenizer([*WORDS, "zebra"]).save_pretrained(tmp_path / "tokenizer")
    with pytest.raises(ValueError, match=r"knows .* tokens, the checkpoint's text encoder"):
        convert(save(layout.text_encoder), tmp_path, tmp_path / "tokenizer")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no tokenizer"):
        convert(save(layout.text_encoder), tmp_path, tmp_path / "empty")
    (tmp_path / "empty" / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        convert(save(layout.text_encoder), tmp_path, tmp_path / "empty")
    with pytest.raises(ValueError, match="leave --tokenizer out"):
        convert(save(layout.network), tmp_path, tmp_path / "tokenizer")
    assert {path.name for path in tmp_path.iterdir()} == {"model.ckpt", "tokenizer", "empty"}


def test_long_lists_are_told_by_their_beginnings():
    assert listed(["b.c", "a"]) == "a, b.c"
    names = [f"model.unet.{number}" for number in range(9)] + ["decoder.a.x", "decoder.b.x"]
    assert listed(names) == "decoder.* (2), model.unet.* (9)"
    assert listed("abcdefghij") == "a, b, c, d, e, f, g, h and 2 more"


def test_a_full_disk_is_told_before_anything_is_written(layout, save, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    path = save(layout.ldm)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    with pytest.raises(ValueError, match=r"take 0\.0 GB and the disk has 0\.0 GB"):
        convert(path, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_files_can_be_read_by_a_server_of_another_user(converted):
    files = [path for path in converted[0].rglob("*") if path.is_file()]
    assert [path.name for path in files if path.stat().st_mode & 0o044 != 0o044] == []
