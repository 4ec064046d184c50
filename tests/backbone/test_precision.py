"""The policy on machines we pretend to have, and what survives a lower precision."""

import pytest
import torch

from ldznet.backbone import LatentDiffusion, generate, record
from ldznet.checkpoints.precision import choose_device, choose_dtype

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
SD, POCKET = 1_066_000_000, 5_000_000  # parameters


@pytest.fixture
def machine(monkeypatch):
    """Pretends to be a machine: `machine(cuda=, mps=, bfloat16=, instructions=)`."""

    def pretend(cuda=0, mps=False, bfloat16=False, instructions=()):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "device", lambda device: torch.no_grad())
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bfloat16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda: dict.fromkeys(instructions, True)
        )

    return pretend


@pytest.mark.parametrize(
    ("has", "device"),
    [
        ({}, "cpu"),
        ({"mps": True}, "mps"),
        ({"cuda": 2}, "cuda"),
        ({"cuda": 1, "mps": True}, "cuda"),
    ],
)
def test_the_best_device_there_is(machine, has, device):
    machine(**has)
    assert choose_device() == choose_device("auto") == torch.device(device)
    assert choose_device("cpu") == CPU
    assert choose_device(torch.device("cpu")) == CPU


def test_devices_that_are_not_there(machine):
    machine(cuda=2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    for name in ("cuda:2", "mps", "xpu", torch.device("cuda:7")):
        with pytest.raises(ValueError, match=f"machine has no device '{name}'; choose auto or cpu"):
            choose_device(name)
    with pytest.raises(ValueError, match="There is no device 'gpu'; choose auto, cpu, cuda or mps"):
        choose_device("gpu")


@pytest.mark.parametrize(
    ("device", "has", "parameters", "expected"),
    [
        (CPU, {}, SD, torch.float32),
        (CPU, {"instructions": ["avx512_f", "avx2"]}, SD, torch.float32),
        (CPU, {"instructions": ["avx512_bf16"]}, SD, torch.bfloat16),
        (CPU, {"instructions": ["amx_bf16"]}, SD, torch.bfloat16),
        (CPU, {"instructions": ["avx512_bf16", "amx_bf16"]}, POCKET, torch.float32),
        (CUDA, {"cuda": 1, "bfloat16": True}, SD, torch.bfloat16),
        (CUDA, {"cuda": 1}, SD, torch.float16),
        (MPS, {"mps": True}, SD, torch.float16),
    ],
)
def test_the_precision_of_each_device(machine, device, has, parameters, expected):
    machine(**has)
    assert choose_dtype(device, parameters=parameters) == expected
    for name in ("float32", "bfloat16", "float16"):
        assert choose_dtype(device, name, parameters=parameters) == getattr(torch, name)


def test_precisions_that_there_are_not(backbone_folder):
    with pytest.raises(
        ValueError, match="no precision 'int8'; choose from auto, float32, bfloat16"
    ):
        choose_dtype(CPU, "int8", parameters=SD)
    with pytest.raises(ValueError, match="no precision 'half'"):
        LatentDiffusion.from_pretrained(backbone_folder, precision="half")


@pytest.fixture(scope="module", params=["bfloat16", "float16"])
def low(request, second_folder):
    return LatentDiffusion.from_pretrained(second_folder, precision=request.param)


def test_noise_and_its_mixture_are_those_of_float32_rounded_once(low, second):
    noise = low.draw_noise((1, 4, 64, 64), 3)
    exact = second.draw_noise((1, 4, 64, 64), 3)
    assert torch.equal(noise, exact.to(low.dtype))
    latents = (0.5 * exact.flip(-1)).to(low.dtype)
    found = low.add_noise(latents, 400, noise)
    assert found.dtype == low.dtype
    wanted = second.add_noise(latents.float(), 400, noise.float())
    assert torch.equal(found, wanted.to(low.dtype))


def test_the_text_is_encoded_in_float32(low, second):
    found = low.encode_text(["the red ball", ""])
    assert torch.equal(found, second.encode_text(["the red ball", ""]).to(low.dtype))


def test_recorded_attention_is_float32_and_sums_to_one(low, second):
    latents, text = second.draw_noise((1, 4, 16, 16), 1), second.encode_text(["red ball"])
    maps = []
    for backbone in (low, second):
        with torch.no_grad(), record(backbone.unet, attention=[6, 10]) as recording:
            backbone.unet(latents.to(backbone.dtype), 400, text.to(backbone.dtype))
        maps.append(recording.attention)
    for key, found in maps[0].items():
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]))
        torch.testing.assert_close(found, maps[1][key], atol=0.02, rtol=0)


def test_it_draws_and_estimates(low, second):
    made, exact = (generate(backbone, "a red ball", steps=2) for backbone in (low, second))
    difference = (made.latents - exact.latents).abs().mean() / exact.latents.abs().mean()
    assert 0 < difference < 0.05
    noisy, text = low.draw_noise((1, 4, 16, 16), 1), low.encode_text(["red ball"])
    assert low.estimate_noise(noisy, text, 400).dtype == torch.float32
