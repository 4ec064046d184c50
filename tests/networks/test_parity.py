"""The networks against numbers computed by the official LD-ZNet modules (see the fixture's README).

Tolerances are the fixture's: about ten times what float32 loses against float64 there.
"""

import hashlib

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn

from ldznet.blocks import BLOCKS, FUSION_BLOCKS, find_block
from ldznet.checkpoints.official import rename_network, rename_unet
from ldznet.networks import LDZNet, ZNet
from ldznet.types import Encoding
from tests.conftest import features_of

CASES = ("a", "b", "c")
SIZE = {
    "block_out_channels": (32, 64, 128, 128),
    "cross_attention_dim": 64,
    "attention_head_dim": 8,
    "sample_size": 48,
}


def samples(tensor, count):
    flat = tensor.detach().numpy().ravel()
    return flat[np.unique(np.floor(np.linspace(0, flat.size - 1, count)).astype(int))]


def largest_difference(tensor, expected):
    found = tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else tensor
    assert found.shape == expected.shape
    return np.abs(found.astype(np.float64) - expected).max()


def run_with_blocks(unet, run):
    """What `run()` returns and the output of the U-Net's 16 attention blocks, in order."""
    seen = {}

    def keep(number):
        return lambda module, args, output: seen.update({number: output[0]})

    handles = [find_block(unet, number).register_forward_hook(keep(number)) for number in BLOCKS]
    output = run()
    for handle in handles:
        handle.remove()
    return output, [seen[number] for number in BLOCKS]


def run_network(network, encoding):
    """The logits, the map the head reads, and the 16 blocks, of one pass."""
    maps = []
    with network.head.register_forward_pre_hook(lambda module, args: maps.append(args[0])):
        logits, blocks = run_with_blocks(network.unet, lambda: network(encoding))
    return logits, maps[0], blocks


@pytest.fixture(scope="module")
def networks(official):
    """The LDM's U-Net, LD-ZNet and ZNet with the official weights, loaded strictly."""
    ldm, ldznet, znet = UNet2DConditionModel(**SIZE), LDZNet(**SIZE), ZNet(**SIZE)
    ldm.load_state_dict(rename_unet(official.weights("ldm")))
    ldznet.load_state_dict(rename_network(official.weights("ldznet")))
    znet.load_state_dict(rename_network(official.weights("znet")))
    return tuple(network.eval().requires_grad_(False) for network in (ldm, ldznet, znet))


def add_noise(z, noise, timestep):
    """The forward diffusion, square roots rounded to float32 as the official buffers are."""
    betas = np.linspace(0.00085**0.5, 0.0120**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)[timestep]
    return float(np.float32(np.sqrt(kept))) * z + float(np.float32(np.sqrt(1 - kept))) * noise


@pytest.fixture(scope="module")
def runs(official, networks):
    """Everything the fixture gives, computed once per case."""
    ldm, ldznet, znet = networks
    results = {}
    for case in CASES:
        z, noise, text = official.inputs(case)
        timestep = official.manifest["cases"][case]["t"]
        noisy = add_noise(z, noise, timestep)
        eps, features = run_with_blocks(ldm, lambda: ldm(noisy, timestep, text).sample)  # noqa: B023
        encoding = Encoding(
            pixels=torch.empty(0),
            latents=z,
            text=text,
            features={number: features[number - 1] for number in FUSION_BLOCKS},
        )
        logits, out, own = run_network(ldznet, encoding)
        znet_logits, znet_out, _ = run_network(znet, encoding)
        results[case] = {
            "noisy": noisy,
            "eps": eps,
            "features": features,
            "own": own,
            "out": out,
            "logits": logits,
            "znet_out": znet_out,
            "znet_logits": znet_logits,
        }
    return results


@pytest.mark.parametrize("case", CASES)
def test_inputs_are_the_fixtures(official, case):
    names = ("z", "noise", "context")
    for name, tensor in zip(names, official.inputs(case), strict=True):
        checksum = official.manifest["cases"][case]["inputs"][name]["sha256_float32_le"]
        assert hashlib.sha256(tensor.numpy().tobytes()).hexdigest() == checksum


@pytest.mark.parametrize("case", CASES)
def test_ldm(official, runs, case):
    run, expected = runs[case], official.expected
    assert largest_difference(samples(run["noisy"], 256), expected[f"{case}/z_noisy_sample"]) < 2e-6
    if f"{case}/eps" in expected:
        assert largest_difference(run["eps"], expected[f"{case}/eps"]) < 5e-5
    else:
        assert largest_difference(samples(run["eps"], 4096), expected[f"{case}/eps_sample"]) < 5e-5


@pytest.mark.parametrize(
    "kind",
    # LD-ZNet's own activations reach 16 and come behind the LDM's rounding.
    [("features", "ldm_feat", 2e-4), ("own", "ldznet_feat", 5e-4)],
    ids=["ldm", "ldznet"],
)
@pytest.mark.parametrize("case", CASES)
def test_sixteen_blocks(official, runs, case, kind):
    ours, theirs, tolerance = kind
    features = runs[case][ours]
    found = {
        "mean": np.array([feature.mean() for feature in features]),
        "std": np.array([feature.std(correction=0) for feature in features]),
        "sample": np.stack([samples(feature, 16) for feature in features]),
    }
    for name, values in found.items():
        assert largest_difference(values, official.expected[f"{case}/{theirs}_{name}"]) < tolerance


@pytest.mark.parametrize("block", [7, 10])
def test_whole_features(official, runs, block):
    expected = official.expected[f"a/ldm_feat_{block - 1:02d}"]
    assert largest_difference(runs["a"]["features"][block - 1], expected) < 2e-4


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["out", "znet_out"])
def test_map_before_the_head(official, runs, case, name):
    assert largest_difference(runs[case][name], official.expected[f"{case}/{name}"]) < 1e-4


@pytest.mark.parametrize("case", CASES)
def test_logits(official, runs, case):
    run, expected = runs[case], official.expected
    if case == "c":
        found, wanted = samples(run["logits"], 4096), expected["c/logits_sample"]
    else:
        found, wanted = run["logits"], expected[f"{case}/logits"]
    assert largest_difference(found, wanted) < 2e-4
    found = samples(run["znet_logits"], 4096)
    assert largest_difference(found, expected[f"{case}/znet_logits_sample"]) < 2e-4


def test_float64_agrees_to_1e_10(official, networks):
    ldm, ldznet, _ = networks
    z, noise, text = (tensor.double() for tensor in official.inputs("a"))
    try:
        ldm.double(), ldznet.double()
        noisy = add_noise(z, noise, 400)
        _, features = run_with_blocks(ldm, lambda: ldm(noisy, 400, text).sample)
        fused = {number: features[number - 1] for number in FUSION_BLOCKS}
        encoding = Encoding(torch.empty(0), z, text, fused)
        logits, out, _ = run_network(ldznet, encoding)
    finally:
        ldm.float(), ldznet.float()
    assert largest_difference(out, official.expected["a/out_f64"]) < 1e-10
    found = samples(logits, 1024)
    assert largest_difference(found, official.expected["a/logits_sample_f64"]) < 1e-10


def test_backbone_feeds_the_network_the_official_way(official, networks, backbone):
    """From clean latents to logits by the package's own noise schedule and early-stopped U-Net."""
    from ldznet.backbone import LatentDiffusion

    ldm, ldznet, _ = networks
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    latent_diffusion = LatentDiffusion(
        backbone.vae, ldm, backbone.text_encoder, backbone.tokenizer, scheduler
    )
    z, noise, text = official.inputs("a")
    noisy = latent_diffusion.add_noise(z, 400, noise)
    features = features_of(latent_diffusion, noisy, text, 400)
    logits = ldznet(Encoding(torch.empty(0), z, text, features))
    assert largest_difference(logits, official.expected["a/logits"]) < 2e-4


def test_epsilons(networks):
    """A wrong one hides in float32 noise."""
    for network in networks:
        for module in network.modules():
            if isinstance(module, ResnetBlock2D):
                assert module.norm1.eps == module.norm2.eps == 1e-5
            if isinstance(module, Transformer2DModel):
                assert module.norm.eps == 1e-6
            if isinstance(module, nn.LayerNorm):
                assert module.eps == 1e-5
            if isinstance(module, UNet2DConditionModel):
                assert module.conv_norm_out.eps == 1e-5
