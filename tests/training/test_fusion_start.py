"""LD-ZNet's aligned start, held against what it claims: nothing computed changes, places match."""

from dataclasses import replace

import pytest
import torch

from ldznet.backbone import LatentDiffusion
from ldznet.blocks import FUSION_BLOCKS, find_block
from ldznet.experiments.pocket.scenes import draw_masked_samples
from ldznet.networks import LDZNet
from ldznet.pipeline.loading import load_backbone
from ldznet.training.dataset import prepare_masked_scenes
from ldznet.training.fusion_start import align_fusion
from ldznet.training.network import fitting_network


@pytest.fixture(scope="module")
def backbone() -> LatentDiffusion:
    return load_backbone()


@pytest.fixture(scope="module")
def encodings(backbone):
    """Two batches with features: one to align by, one to look at."""
    samples = draw_masked_samples(40)
    scenes = prepare_masked_scenes(backbone, samples)
    half = len(samples) // 2
    parts = [range(0, half, 4), range(half, len(samples), 4)]
    encodings = []
    for part, timestep in zip(parts, (400, 350), strict=True):
        encoding, _ = scenes.batch(list(part), backbone.device)
        noise = backbone.draw_noise(encoding.latents[:1].shape, timestep)
        recording = backbone.read(
            encoding.latents, encoding.text, LDZNet.reading, timestep=timestep, noise=noise
        )
        encodings.append(replace(encoding, features=recording.features_at(timestep)))
    return encodings


def new(backbone) -> LDZNet:
    network = fitting_network("ldznet", backbone, seed=0)
    return network.eval().requires_grad_(False)


def attention_to_own_place(network: LDZNet, encoding) -> dict[int, float]:
    """The mean share that a cell gives to the token of its own place, by block; softmax by hand."""
    shares = {}
    for number in FUSION_BLOCKS:
        block = find_block(network.unet, number).get_submodule("transformer_blocks.0")
        calls = []
        hook = block.attn3.register_forward_pre_hook(
            lambda _, given, named, calls=calls: calls.append((given[0], named)), with_kwargs=True
        )
        network(encoding)
        hook.remove()
        states, named = calls[0]
        query, key = (
            layer(part).unflatten(-1, (block.attn3.heads, -1)).transpose(1, 2)
            for layer, part in (
                (block.attn3.to_q, states),
                (block.attn3.to_k, named["encoder_hidden_states"]),
            )
        )
        share = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)[..., 1:]
        shares[number] = float(share.diagonal(dim1=-2, dim2=-1).mean()) * share.shape[-1]
    return shares


def test_the_aligned_network_computes_what_it_did_and_each_cell_looks_at_its_place(
    backbone, encodings
):
    network = new(backbone)
    by, at = encodings
    before, random = network(at), attention_to_own_place(network, at)
    align_fusion(network, by)
    assert torch.equal(network(at), before)
    aligned = attention_to_own_place(network, at)
    for number in FUSION_BLOCKS:  # in multiples of chance
        assert random[number] == pytest.approx(1, abs=0.3)
        assert aligned[number] > 5


def test_tokens_are_the_features_cells_free_of_their_channels_means_and_deviations(
    backbone, encodings
):
    network = new(backbone)
    generator = torch.Generator().manual_seed(0)
    by, _ = encodings
    features, noise = {}, {}
    for number, feature in by.features.items():
        channels = feature.shape[1]
        noise[number] = torch.randn(feature.shape, generator=generator)
        scale = 1 + 5 * torch.rand(channels, generator=generator)[:, None, None]
        shift = 10 * torch.randn(channels, generator=generator)[:, None, None]
        features[number] = noise[number] * scale + shift
    align_fusion(network, replace(by, features=features))
    for number in FUSION_BLOCKS:
        pool = find_block(network.unet, number).get_submodule("transformer_blocks.0").pool
        pool.positions.zero_()
        cells = noise[number].flatten(2).transpose(1, 2)
        tokens = pool(features[number])[:, 1:]
        # A head's few channels cannot tell all cells apart, so a token is mostly, not all, its own.
        correlation = (tokens * cells).mean() / (tokens.std() * cells.std())
        assert correlation > 0.8
