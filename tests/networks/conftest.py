"""The official networks' numbers, and tiny networks for everything that needs no parity."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from ldznet.networks import NETWORKS
from ldznet.types import Encoding

OFFICIAL = Path(__file__).parents[1] / "fixtures" / "ldznet_official"

WIDTHS = (16, 16, 32, 32)
TEXT_WIDTH = 24


class Official:
    """Weights, inputs and expected outputs of the official networks at a tiny width."""

    manifest = json.loads((OFFICIAL / "manifest.json").read_text())
    full_size = json.loads((OFFICIAL / "full_size_keys.json").read_text())
    expected = np.load(OFFICIAL / "io.npz")

    @staticmethod
    def draw(seed, shape):
        return np.random.RandomState(zlib.crc32(seed.encode())).standard_normal(shape)

    def weights(self, network):
        """The state dict of "ldm", "ldznet" or "znet" under its official keys."""
        entry = self.manifest["networks"][network]
        return {
            key: torch.from_numpy(self._weight(entry["prefix"] + key, shape).astype(np.float32))
            for key, shape in entry["state"].items()
        }

    def _weight(self, key, shape):
        values = self.draw(key, shape)
        if key.endswith(".positional_embedding"):
            return 0.5 * values
        if len(shape) >= 2:
            return values / np.sqrt(np.prod(shape[1:])) * (3 if ".final." in key else 1)
        return (1 if key.endswith(".weight") else 0) + 0.1 * values

    def inputs(self, case):
        """Clean latents, noise and text of a case."""
        shapes = self.manifest["cases"][case]["inputs"]
        return tuple(
            torch.from_numpy(
                self.draw(f"input:{case}:{name}", shapes[name]["shape"]).astype(np.float32)
            )
            for name in ("z", "noise", "context")
        )


@pytest.fixture(scope="session")
def official():
    return Official()


@pytest.fixture(scope="session")
def tiny():
    """Builds a tiny network: `tiny(name, factor=8, seed=0)`, nothing in it silent."""

    def build(name, factor=8, seed=0, silent=False):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = NETWORKS[name](
                block_out_channels=WIDTHS,
                cross_attention_dim=TEXT_WIDTH,
                attention_head_dim=(1, 2, 2, 4),
                norm_num_groups=4,
                sample_size=16,
                factor=factor,
            ).eval()
            if not silent:
                for parameter_name, parameter in network.named_parameters():
                    if ".attn3.to_out." in parameter_name:
                        torch.nn.init.normal_(parameter, std=0.3)
        return network

    return build


@pytest.fixture(scope="session")
def tiny_unet():
    """An LDM's U-Net, as diffusers builds it, of the tiny networks' widths."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return UNet2DConditionModel(
            sample_size=16,
            block_out_channels=WIDTHS,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=(1, 2, 2, 4),
            norm_num_groups=4,
        ).eval()


@pytest.fixture(scope="session")
def encode():
    """Draws an encoding: `encode(rows=2, h=16, w=16, factor=8, seed=0)`."""

    def draw(rows=2, h=16, w=16, factor=8, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(shape, generator=generator)

        sides = {6: 4, 7: 8, 8: 4, 9: 4, 10: 4}
        return Encoding(
            pixels=normal(rows, 3, h * factor, w * factor).tanh(),
            latents=normal(rows, 4, h, w),
            text=normal(rows, 5, TEXT_WIDTH),
            features={
                block: normal(rows, WIDTHS[2], h // side, w // side)
                for block, side in sides.items()
            },
        )

    return draw
