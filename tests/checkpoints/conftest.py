"""Checkpoints in the official layout, of LD-ZNet and of Stable Diffusion 1.x and 2.x."""

import sys
import types
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from ldznet.backbone.pocket import build_tokenizer
from ldznet.checkpoints.schedule import build_scheduler
from tests.checkpoints.reference import to_official
from tests.conftest import WORDS
from tests.fake_hub import hub
from tests.networks.conftest import Official

__all__ = ["hub"]

LDM = "sd_features_stage_model.model.model.diffusion_model."
NETWORK = "model.diffusion_model."
FIRST_STAGE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."
TEXT_WIDTH = 64
OPEN_CLIP = "cond_stage_model.model."
SECOND_WIDTHS = (64, 64, 128, 128)
SECOND_TEXT_WIDTH = 128  # two heads, as every head of CLIP's is 64 wide


def averaged_name(key):
    """Where the official averaging keeps a tensor (the reference's words: all dots removed)."""
    return "model_ema." + f"diffusion_model.{key}".replace(".", "")


def decoder_shapes(width=32, multipliers=(1, 2, 4, 4), blocks=3):
    """Official keys and shapes of a first stage's decoder, and of the convolution before it."""
    shapes = {}

    def layer(name, *shape):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = shape, shape[:1]

    def block(name, given, width_out):
        layer(f"{name}.norm1", given)
        layer(f"{name}.conv1", width_out, given, 3, 3)
        layer(f"{name}.norm2", width_out)
        layer(f"{name}.conv2", width_out, width_out, 3, 3)
        if given != width_out:
            layer(f"{name}.nin_shortcut", width_out, given, 1, 1)

    channels = width * multipliers[-1]
    layer("post_quant_conv", 4, 4, 1, 1)
    layer("decoder.conv_in", channels, 4, 3, 3)
    block("decoder.mid.block_1", channels, channels)
    layer("decoder.mid.attn_1.norm", channels)
    for part in ("q", "k", "v", "proj_out"):
        layer(f"decoder.mid.attn_1.{part}", channels, channels, 1, 1)
    block("decoder.mid.block_2", channels, channels)
    for level in reversed(range(len(multipliers))):
        for number in range(blocks):
            width_out = width * multipliers[level]
            block(f"decoder.up.{level}.block.{number}", channels, width_out)
            channels = width_out
        if level:
            layer(f"decoder.up.{level}.upsample.conv", channels, channels, 3, 3)
    layer("decoder.norm_out", channels)
    layer("decoder.conv_out", 3, channels, 3, 3)
    return shapes


@dataclass(frozen=True)
class Layout:
    """The groups of a saved training, each by its keys with prefix."""

    network: dict  # as trained; zeros, so that nobody can mistake them for the averages
    averages: dict
    ldm: dict
    first_stage: dict
    text_encoder: dict
    schedule: dict

    def whole(self):
        return (
            self.schedule
            | self.ldm
            | self.network
            | self.averages
            | self.first_stage
            | self.text_encoder
        )


@pytest.fixture(scope="session")
def official():
    return Official()


@pytest.fixture(scope="session")
def text_encoder():
    """A text encoder as wide as the fixture's networks read, and one head as wide as CLIP's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        size = {"hidden_size": TEXT_WIDTH, "intermediate_size": 96, "num_hidden_layers": 2}
        config = CLIPTextConfig(
            vocab_size=len(build_tokenizer(WORDS)), num_attention_heads=1, **size
        )
        return CLIPTextModel(config).eval()


@pytest.fixture(scope="session")
def layout(official, text_encoder):
    ldznet = official.weights("ldznet")
    first_stage = official.manifest["vae_encoder"]["state"] | decoder_shapes()
    betas = build_scheduler().betas
    schedule = {"betas": betas, "alphas_cumprod": torch.cumprod(1 - betas, 0)}
    return Layout(
        network={NETWORK + key: torch.zeros_like(tensor) for key, tensor in ldznet.items()},
        averages={averaged_name(key): tensor for key, tensor in ldznet.items()}
        | {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)},
        ldm={LDM + key: tensor for key, tensor in official.weights("ldm").items()},
        first_stage={
            FIRST_STAGE + key: torch.from_numpy(
                official._weight(FIRST_STAGE + key, shape).astype(np.float32)
            )
            for key, shape in first_stage.items()
        },
        text_encoder={TEXT + key: each for key, each in text_encoder.state_dict().items()}
        | {f"{TEXT}embeddings.position_ids": torch.arange(77)[None]},
        schedule=schedule
        | {f"sd_features_stage_model.model.{key}": each for key, each in schedule.items()},
    )


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(WORDS).save_pretrained(folder)
    return folder


@pytest.fixture
def save(tmp_path):
    """Saves a state dict as a checkpoint: `save(tensors)` -> its path."""

    def write(tensors, name="model.ckpt", **options) -> Path:
        torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.fixture
def lightning(monkeypatch):
    """What a Lightning of the paper's time leaves beside the tensors, of a module not installed."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    callback = type("ModelCheckpoint", (), {"__module__": name})
    module = types.ModuleType(name)
    module.ModelCheckpoint = callback
    for place in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.setitem(sys.modules, place, module)
    return {
        "callbacks": {callback: {"best_model_score": np.float32(0.5), "monitor": "val/loss"}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []}],
        "pytorch-lightning_version": "1.4.2",
    }


class Block(nn.Module):
    """A layer of OpenCLIP's text encoder, with PyTorch's own attention, as OpenCLIP has it."""

    def __init__(self, width):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, width // 64, batch_first=True)
        layers = {"c_fc": nn.Linear(width, 2 * width), "gelu": nn.GELU()}
        self.mlp = nn.Sequential(OrderedDict(layers, c_proj=nn.Linear(2 * width, width)))

    def forward(self, x, mask):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class OpenClip(nn.Module):
    """OpenCLIP's text encoder; Stable Diffusion 2.x leaves its last layer out."""

    def __init__(self, vocabulary, width=SECOND_TEXT_WIDTH, positions=77, layers=3):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(0.1 * torch.randn(positions, width))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, width))
        self.logit_scale = nn.Parameter(torch.ones(()))
        for parameter in self.parameters():
            if parameter.ndim == 1:  # so that no bias is zero and no norm is silent
                nn.init.normal_(parameter, mean=0.5, std=0.2)

    @torch.no_grad()
    def forward(self, ids):
        mask = torch.full((ids.shape[1],) * 2, -torch.inf).triu(1)
        x = self.token_embedding(ids) + self.positional_embedding
        for block in self.transformer.resblocks[:-1]:
            x = block(x, mask)
        return self.ln_final(x)


@pytest.fixture(scope="session")
def open_clip():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return OpenClip(len(build_tokenizer(WORDS))).eval()


@pytest.fixture(scope="session")
def first_tensors(layout):
    """A checkpoint of Stable Diffusion 1.x: U-Net, first stage, text encoder, schedule."""
    unet = {NETWORK + key.removeprefix(LDM): tensor for key, tensor in layout.ldm.items()}
    schedule = {
        key: each for key, each in layout.schedule.items() if not key.startswith("sd_features")
    }
    return unet | layout.first_stage | layout.text_encoder | schedule


@pytest.fixture(scope="session")
def second_tensors(layout, open_clip):
    """A checkpoint of Stable Diffusion 2.x."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        unet = UNet2DConditionModel(
            block_out_channels=SECOND_WIDTHS,
            cross_attention_dim=SECOND_TEXT_WIDTH,
            attention_head_dim=(1, 1, 2, 2),
            use_linear_projection=True,
        )
    named = {NETWORK + to_official(key): each for key, each in unet.state_dict().items()}
    text = {OPEN_CLIP + key: each for key, each in open_clip.state_dict().items()}
    return named | layout.first_stage | text


@pytest.fixture
def write(tmp_path, tokenizer_folder):
    """Writes tensors as a checkpoint with a tokenizer beside it: `write(tensors)` -> its path."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tokenizer").symlink_to(tokenizer_folder)

    def save(tensors, name="model.safetensors"):
        path = tmp_path / "models" / name
        save_file({key: each.contiguous() for key, each in tensors.items()}, path)
        return path

    return save
