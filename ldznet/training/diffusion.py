"""Trains pocket's text encoder and denoising U-Net together on captioned scenes of all styles."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from ldznet.backbone.generation import draw_sheet
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.training.attention import use_fast_attention
from ldznet.training.autoencoder import to_pixels
from ldznet.training.loop import TrainConfig, TrainResult, train
from ldznet.training.losses import denoising_loss
from ldznet.training.scenes import SceneStore

EMPTY_SHARE = 0.10  # of the samples: trains the unconditional half of classifier-free guidance
PHRASE_SHARE = 0.15  # a bare segmentation phrase instead of the caption: what the networks will ask

# Share of each difficulty (single, pair, full) from this share of the training on. One large object
# first: a small trial learned about twice as fast with it as on the full world.
CURRICULUM = (
    (0.00, (1.00, 0.00, 0.00)),
    (0.08, (0.40, 0.60, 0.00)),
    (0.20, (0.20, 0.40, 0.40)),
)


@dataclass(frozen=True)
class _Captioned:
    latents: Tensor  # (N, 4, h, w) scaled, half precision
    captions: Tensor  # (N, tokens) token ids
    phrases: list[Tensor]  # per scene (P, tokens) token ids


class _Denoiser(nn.Module):
    """Text encoder and U-Net as one model: token ids condition the predicted noise."""

    def __init__(self, backbone: LatentDiffusion) -> None:
        super().__init__()
        self.unet = backbone.unet
        self.text_encoder = backbone.text_encoder

    def forward(self, noisy: Tensor, timesteps: Tensor, tokens: Tensor) -> Tensor:
        text = self.text_encoder(tokens).last_hidden_state
        return self.unet(noisy, timesteps, text).sample


def train_diffusion(
    backbone: LatentDiffusion,
    stores: Sequence[SceneStore],
    config: TrainConfig,
    folder: Path,
    prompts: Sequence[str],
) -> TrainResult:
    """Train the text encoder and the U-Net in place; `stores` hold single, pair and full scenes.

    Sheets of pictures drawn from `prompts` appear in `folder` along the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = [prepare_captioned_scenes(backbone, store, folder) for store in stores]
    empty = _tokens(backbone, [""])[0]
    cumulative = backbone.scheduler.alphas_cumprod.float()

    def loss(model: nn.Module, step: int) -> Tensor:
        random = np.random.default_rng([config.seed, step])
        device = next(model.parameters()).device
        latents, tokens = _draw_batch(data, empty, random, config, step / config.steps)
        torch.manual_seed(int(random.integers(2**31)))
        noise = torch.randn(latents.shape)
        timesteps = torch.randint(0, len(cumulative), (len(latents),))
        kept = cumulative[timesteps].view(-1, 1, 1, 1)
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
        prediction = model(noisy.to(device), timesteps.to(device), tokens.to(device))
        ratio = (kept / (1 - kept)).flatten().to(device)
        return denoising_loss(prediction.float(), noise.to(device), ratio)

    def preview(step: int) -> None:
        draw_sheet(backbone, prompts, seed=0).save(folder / f"samples-{step:06d}.png")

    trained = _Denoiser(backbone)
    trained.train().requires_grad_(True)
    use_fast_attention(backbone.unet, backbone.device)
    if backbone.device.type == "cpu":
        backbone.text_encoder.set_attn_implementation("eager")
    result = train("denoiser", trained, loss, config, folder, preview)
    trained.eval().requires_grad_(False)
    return result


def prepare_captioned_scenes(
    backbone: LatentDiffusion, store: SceneStore, folder: Path
) -> _Captioned:
    """All scenes of a store as latents and token ids; `folder` keeps the latents for later."""
    texts = sorted({phrase for phrases in store.phrases for phrase in phrases})
    known = dict(zip(texts, _tokens(backbone, texts), strict=True))
    return _Captioned(
        latents=_encode_pictures(backbone, store, folder),
        captions=_tokens(backbone, store.captions),
        phrases=[torch.stack([known[phrase] for phrase in row]) for row in store.phrases],
    )


def _encode_pictures(backbone: LatentDiffusion, store: SceneStore, folder: Path) -> Tensor:
    """(N, 4, h, w) in half precision, read back if the same first stage encoded the same scenes."""
    state = backbone.vae.quant_conv.weight.detach().float().cpu().numpy().tobytes()
    texts = "\n".join(store.captions).encode()
    kept = folder / f"latents-{hashlib.sha256(state + texts).hexdigest()[:16]}.safetensors"
    if kept.exists():
        return load_file(kept)["latents"]
    latents = []
    for start in tqdm(range(0, len(store), 100), "encode scenes"):
        part = np.stack([store.picture(i) for i in range(start, min(start + 100, len(store)))])
        with torch.no_grad():
            latents.append(backbone.encode_image(to_pixels(part).to(backbone.device)).half().cpu())
    encoded = torch.cat(latents).contiguous()
    save_file({"latents": encoded}, kept)
    return encoded


def _tokens(backbone: LatentDiffusion, texts: Sequence[str]) -> Tensor:
    return backbone.tokenizer(
        list(texts), padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids


def _draw_batch(
    data: Sequence[_Captioned],
    empty: Tensor,
    random: np.random.Generator,
    config: TrainConfig,
    share: float,
) -> tuple[Tensor, Tensor]:
    """Latents (B, 4, h, w) float32 and token ids (B, tokens) at this share of the training."""
    odds = [odds for start, odds in CURRICULUM if share >= start][-1]
    latents, tokens = [], []
    for difficulty in random.choice(len(data), size=config.batch_size, p=odds):
        scenes = data[difficulty]
        index = int(random.integers(len(scenes.captions)))
        latents.append(scenes.latents[index])
        kind = random.random()
        if kind < EMPTY_SHARE:
            tokens.append(empty)
        elif kind < EMPTY_SHARE + PHRASE_SHARE:
            tokens.append(scenes.phrases[index][int(random.integers(len(scenes.phrases[index])))])
        else:
            tokens.append(scenes.captions[index])
    return torch.stack(latents).float(), torch.stack(tokens)
