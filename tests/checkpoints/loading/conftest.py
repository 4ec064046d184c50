"""Single files in the official layout of Stable Diffusion 1.x and 2.x, and our own hub."""

from collections import OrderedDict

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn

from ldznet.backbone.pocket import build_tokenizer
from ldznet.checkpoints.official.unet import to_official
from tests.checkpoints.conversion.conftest import layout, official, text_encoder, tokenizer_folder
from tests.conftest import WORDS
from tests.fake_hub import hub

__all__ = ["hub", "layout", "official", "text_encoder", "tokenizer_folder"]

UNET = "model.diffusion_model."
OPEN_CLIP = "cond_stage_model.model."
WIDTHS = (64, 64, 128, 128)
TEXT_WIDTH = 128  # two heads, as every head of CLIP's is 64 wide


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

    def __init__(self, vocabulary, width=TEXT_WIDTH, positions=77, layers=3):
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
    prefix = "sd_features_stage_model.model.model.diffusion_model."
    unet = {UNET + key.removeprefix(prefix): tensor for key, tensor in layout.ldm.items()}
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
            block_out_channels=WIDTHS,
            cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=(1, 1, 2, 2),
            use_linear_projection=True,
        )
    named = {UNET + to_official(key): each for key, each in unet.state_dict().items()}
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
