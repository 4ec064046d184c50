"""Training a network: attention spelled out gives what fused attention gives, both ways."""

import copy

import numpy as np
import pytest
import torch

from ldznet.training import loop
from ldznet.training import network as training
from ldznet.training.dataset import prepare_masked_scenes
from ldznet.training.loop import TrainConfig, TrainResult
from ldznet.training.network import fitting_network, train_network, use_fast_attention
from ldznet.types import Sample

CONFIG = TrainConfig(steps=1, batch_size=4, learning_rate=1e-3)


def test_output_and_gradients_equal_fused_attention(backbone):
    fused = copy.deepcopy(backbone.unet).requires_grad_(True)
    spelled = copy.deepcopy(fused)
    use_fast_attention(spelled, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 4, 16, 16, generator=generator)
    text = torch.randn(2, 16, 32, generator=generator)

    outputs = [unet(latents, 300, text).sample for unet in (fused, spelled)]
    for output in outputs:
        output.square().mean().backward()

    assert torch.allclose(*outputs, atol=1e-5)
    for (name, one), other in zip(fused.named_parameters(), spelled.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-5), name


def test_an_accelerator_keeps_its_own_kernels(backbone):
    unet = copy.deepcopy(backbone.unet)
    before = {name: type(each) for name, each in unet.attn_processors.items()}
    use_fast_attention(unet, torch.device("cuda"))
    assert {name: type(each) for name, each in unet.attn_processors.items()} == before


@pytest.fixture
def scenes(backbone):
    """Four pictures, each with a phrase and a random mask; of captions nobody knows."""
    random = np.random.default_rng(0)
    samples = [
        Sample(
            image=random.integers(0, 256, (64, 64, 3), np.uint8),
            phrase=phrase,
            mask=random.random((64, 64)) < 0.5,
            source=f"drawn/{number}",
        )
        for number, phrase in enumerate(("red ball", "blue car", "a star", "the tree"))
    ]
    return prepare_masked_scenes(backbone, samples)


@pytest.fixture
def losses(backbone, scenes, monkeypatch, tmp_path):
    """Gives the loss of a step for each share of the batch, in float32, with the loop left out."""
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda: False)

    def measure(name, shares, step=3):
        values = []

        def train(name, model, loss, *_):
            with torch.no_grad(), loop.autocast(torch.device("cpu")):
                values.extend(float(loss(model, step)) for _ in shares)
            return TrainResult(1, 1, 0.0, 0.0)

        remaining = iter(shares)
        monkeypatch.setattr(training, "own_share", lambda: next(remaining))
        monkeypatch.setattr(training, "train", train)
        network = fitting_network(name, backbone, seed=0)
        train_network(network, backbone, scenes, CONFIG, tmp_path, range(300, 500))
        return values

    return measure


@pytest.mark.parametrize("name", ["znet", "ldznet"])
def test_processes_share_a_batch(losses, name):
    """What two processes average is the loss that one process has of the whole batch."""
    whole, first, second = losses(name, [slice(0, None), slice(0, None, 2), slice(1, None, 2)])
    assert first != second
    assert (first + second) / 2 == pytest.approx(whole, rel=1e-5)


def test_features_are_read_under_the_phrase(losses, backbone, monkeypatch):
    read = type(backbone).read
    texts = []

    def watch(self, latents, text, *arguments, **options):
        texts.append(text)
        return read(self, latents, text, *arguments, **options)

    monkeypatch.setattr(type(backbone), "read", watch)
    losses("ldznet", [slice(0, None)])
    (text,) = texts
    known = backbone.encode_text(["red ball", "blue car", "a star", "the tree"])
    assert all(any(torch.equal(row, phrase) for phrase in known) for row in text)


@pytest.mark.parametrize("able", [True, False])
def test_features_are_read_in_the_precision_that_the_network_trains_in(
    losses, backbone, monkeypatch, able
):
    monkeypatch.setattr(loop, "multiplies_bfloat16", lambda: able)
    dtypes = []
    hook = backbone.unet.mid_block.attentions[0].proj_in.register_forward_hook(
        lambda module, inputs, output: dtypes.append(output.dtype)
    )
    losses("ldznet", [slice(0, None)])
    hook.remove()
    assert dtypes == [torch.bfloat16 if able else torch.float32]
