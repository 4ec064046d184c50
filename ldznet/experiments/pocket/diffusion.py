"""Trains pocket's text encoder and denoising U-Net together on captioned scenes of all styles."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from ldznet.backbone.generation import draw_sheet
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.blocks import BLOCKS, find_block
from ldznet.experiments.pocket.scenes import SceneStore
from ldznet.images import to_pixels
from ldznet.training.loop import TrainConfig, TrainResult, own_share, train
from ldznet.training.losses import denoising_loss
from ldznet.training.network import use_fast_attention

EMPTY_SHARE = 0.10  # of the samples: trains the unconditional half of classifier-free guidance
PHRASE_SHARE = 0.15  # a bare segmentation phrase instead of the caption: what the networks will ask

# Left alone, a miniature reads words only where its grid is fine, and the blocks that LD-ZNet reads
# learn little of them.
INNER_BLOCKS = (5, 6, 7, 8, 9, 10)

# From this share of the training on: the odds of a single, a pair and a full scene.
Curriculum = Sequence[tuple[float, tuple[float, ...]]]


@dataclass(frozen=True)
class CaptionedScenes:
    """Scenes as the denoiser is trained on them."""

    latents: Tensor  # (N, 4, h, w) scaled, half precision
    captions: Tensor  # (N, tokens) token ids
    phrases: list[Tensor]  # per scene (P, tokens) token ids


class Denoiser(nn.Module):
    """Text encoder and U-Net as one model: token ids condition the predicted noise."""

    def __init__(self, backbone: LatentDiffusion) -> None:
        super().__init__()
        self.unet = backbone.unet
        self.text_encoder = backbone.text_encoder

    def forward(
        self, noisy: Tensor, timesteps: Tensor, tokens: Tensor, elsewhere: Tensor | None = None
    ) -> Tensor:
        """The noise; with `elsewhere` (1, tokens) only the inner blocks read the texts."""
        text = self.text_encoder(tokens).last_hidden_state
        if elsewhere is None:
            return self.unet(noisy, timesteps, text).sample
        other = self.text_encoder(elsewhere).last_hidden_state.expand(len(text), -1, -1)
        with ExitStack() as stack:
            for block in sorted(set(BLOCKS) - set(INNER_BLOCKS)):
                stack.enter_context(_reading(find_block(self.unet, block), other))
            return self.unet(noisy, timesteps, text).sample


@contextmanager
def _reading(transformer: nn.Module, text: Tensor) -> Iterator[None]:
    """Have one block's transformer read this text, whatever the U-Net is given."""

    def replace(_: nn.Module, arguments: tuple, options: dict) -> tuple[tuple, dict]:
        return arguments, options | {"encoder_hidden_states": text}

    hook = transformer.register_forward_pre_hook(replace, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def train_diffusion(
    backbone: LatentDiffusion,
    stores: Sequence[SceneStore],
    config: TrainConfig,
    folder: Path,
    prompts: Sequence[str],
    curriculum: Curriculum,
    inner_share: float,
) -> TrainResult:
    """Train the text encoder and the U-Net in place; `stores` hold single, pair and full scenes.

    In `inner_share` of the steps only the blocks 5 to 10 read the texts, the others an empty one.
    Sheets of pictures drawn from `prompts` appear in `folder` along the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = [prepare_captioned_scenes(backbone, store, folder) for store in stores]
    loss = captioned_loss(backbone, data, config, curriculum, inner_share)

    def preview(step: int) -> None:
        draw_sheet(backbone, prompts, seed=0).save(folder / f"samples-{step:06d}.png")

    trained = new_denoiser(backbone)
    result = train("denoiser", trained, loss, config, folder, preview)
    trained.eval().requires_grad_(False)
    return result


def new_denoiser(backbone: LatentDiffusion) -> Denoiser:
    """The backbone's text encoder and U-Net, ready to be trained, with the fastest attention."""
    denoiser = Denoiser(backbone)
    denoiser.train().requires_grad_(True)
    use_fast_attention(backbone.unet, backbone.device)
    if backbone.device.type == "cpu":
        backbone.text_encoder.set_attn_implementation("eager")
    return denoiser


def captioned_loss(
    backbone: LatentDiffusion,
    data: Sequence[CaptionedScenes],
    config: TrainConfig,
    curriculum: Curriculum,
    inner_share: float,
) -> Callable[[nn.Module, int], Tensor]:
    """What `train` asks of a `Denoiser` at a step: its loss on a batch seeded by the step."""
    empty = _tokens(backbone, [""])[0]
    cumulative = backbone.scheduler.alphas_cumprod.float()

    def loss(model: nn.Module, step: int) -> Tensor:
        random = np.random.default_rng([config.seed, step])
        device = next(model.parameters()).device
        odds = [odds for start, odds in curriculum if step >= start * config.steps][-1]
        latents, tokens = _draw_batch(data, empty, random, config.batch_size, odds)
        torch.manual_seed(int(random.integers(2**31)))
        noise = torch.randn(latents.shape)
        timesteps = torch.randint(0, len(cumulative), (len(latents),))
        kept = cumulative[timesteps].view(-1, 1, 1, 1)
        noisy = kept.sqrt() * latents + (1 - kept).sqrt() * noise
        ratio = (kept / (1 - kept)).flatten()
        own = [part[own_share()].to(device) for part in (noisy, timesteps, tokens, noise, ratio)]
        noisy, timesteps, tokens, noise, ratio = own
        elsewhere = empty[None].to(device) if random.random() < inner_share else None
        return denoising_loss(model(noisy, timesteps, tokens, elsewhere).float(), noise, ratio)

    return loss


def prepare_captioned_scenes(
    backbone: LatentDiffusion, store: SceneStore, folder: Path
) -> CaptionedScenes:
    """All scenes of a store as latents and token ids; `folder` keeps the latents for later."""
    texts = sorted({phrase for phrases in store.phrases for phrase in phrases})
    known = dict(zip(texts, _tokens(backbone, texts), strict=True))
    return CaptionedScenes(
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
    data: Sequence[CaptionedScenes],
    empty: Tensor,
    random: np.random.Generator,
    size: int,
    odds: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Latents (B, 4, h, w) float32 and token ids (B, tokens)."""
    latents, tokens = [], []
    for difficulty in random.choice(len(data), size=size, p=odds):
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
