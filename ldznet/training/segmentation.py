"""Trains one segmentation network on phrases and masks, the backbone frozen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ldznet.backbone.generation import FEATURE_TIMESTEPS
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.data.shapes import TRAIN_START, absent_phrases, draw_scene, phrases
from ldznet.networks.base import SegmentationNetwork
from ldznet.training.attention import use_fast_attention
from ldznet.training.autoencoder import to_pictures, to_pixels
from ldznet.training.loop import TrainConfig, TrainResult, train
from ldznet.training.losses import mask_loss
from ldznet.types import Encoding, Sample

MASKS_START = TRAIN_START + 50_000_000  # scene numbers that the backbone never saw
MASK_DIFFICULTIES = ("single", "pair", "full", "full")  # in turn
ABSENT_SHARE = 0.1  # of the samples: a phrase that names nothing in the scene, an empty mask


@dataclass(frozen=True)
class MaskedScenes:
    """Samples in memory, as the networks read them; a picture is kept once for all its phrases."""

    pixels: Tensor  # (N, 3, H, W) float16 in [-1, 1]
    latents: Tensor  # (N, 4, h, w) float16
    text: Tensor  # (T, tokens, D) of the distinct phrases
    rows: list[tuple[int, int]]  # per sample: picture, phrase
    masks: np.ndarray  # (samples, H*W/8) uint8, packed bits


def draw_samples(count: int) -> list[Sample]:
    """Each phrase of `count` photo-style scenes with its mask, and some naming absent things."""
    samples = []
    for index in range(count):
        difficulty = MASK_DIFFICULTIES[index % len(MASK_DIFFICULTIES)]
        scene = draw_scene(MASKS_START + index, "photo", difficulty)
        source = f"shapes/train/photo/{scene.number}"
        found = [
            Sample(scene.image, phrase.text, phrase.mask, source, phrase.kind)
            for phrase in phrases(scene)
        ]
        absent = absent_phrases(scene)
        random = np.random.default_rng(scene.number)
        if absent and random.random() < ABSENT_SHARE * len(found):
            text = absent[int(random.integers(len(absent)))]
            nothing = np.zeros(scene.image.shape[:2], bool)
            found.append(Sample(scene.image, text, nothing, source, "absent"))
        samples += found
    return samples


def prepare_masked_scenes(backbone: LatentDiffusion, samples: Sequence[Sample]) -> MaskedScenes:
    """Encode every distinct picture and phrase once."""
    pictures = {sample.source: sample.image for sample in samples}
    phrases = sorted({sample.phrase for sample in samples})
    picture_row = {source: row for row, source in enumerate(pictures)}
    phrase_row = {phrase: row for row, phrase in enumerate(phrases)}
    pixels = to_pixels(np.stack(list(pictures.values())))
    return MaskedScenes(
        pixels=pixels.half(),
        latents=torch.cat([backbone.encode_image(part) for part in pixels.split(100)]).half().cpu(),
        text=torch.cat(
            [backbone.encode_text(phrases[i : i + 100]) for i in range(0, len(phrases), 100)]
        ).cpu(),
        rows=[(picture_row[sample.source], phrase_row[sample.phrase]) for sample in samples],
        masks=np.stack([np.packbits(sample.mask) for sample in samples]),
    )


def train_network(
    network: SegmentationNetwork,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    config: TrainConfig,
    folder: Path,
) -> TrainResult:
    """Train `network` in place. The batches depend on the seed alone: equal for every network."""
    device = backbone.device

    def draw_batch(step: int) -> tuple[Encoding, Tensor]:
        random = np.random.default_rng([config.seed, step])
        chosen = random.integers(len(scenes.rows), size=config.batch_size)
        encoding, masks = _encode_batch(scenes, chosen, device)
        if network.reading:
            timestep = int(random.integers(FEATURE_TIMESTEPS.start, FEATURE_TIMESTEPS.stop))
            noise_seed = int(random.integers(2**31))
            encoding = _add_features(backbone, encoding, timestep, noise_seed)
        return encoding, masks

    def loss(model: nn.Module, step: int) -> Tensor:
        encoding, masks = draw_batch(step)
        return mask_loss(model(encoding).float(), masks)

    def preview(step: int) -> None:
        encoding, masks = draw_batch(0)
        with torch.no_grad():
            found = network(encoding).sigmoid()
        shown = [encoding.pixels, masks * 2 - 1, found * 2 - 1]
        rows = [np.hstack(list(to_pictures(part.expand(-1, 3, -1, -1)[:8]))) for part in shown]
        Image.fromarray(np.vstack(rows)).save(folder / f"masks-{step:06d}.png")

    use_fast_attention(network.unet, device)
    network.train().requires_grad_(True)
    result = train(network.name, network, loss, config, folder, preview)
    network.eval().requires_grad_(False)
    return result


def _encode_batch(
    scenes: MaskedScenes, chosen: np.ndarray, device: torch.device
) -> tuple[Encoding, Tensor]:
    pictures = [scenes.rows[i][0] for i in chosen]
    phrases = [scenes.rows[i][1] for i in chosen]
    side = scenes.pixels.shape[-1]
    bits = np.unpackbits(scenes.masks[chosen], axis=1).reshape(-1, 1, side, side)
    encoding = Encoding(
        pixels=scenes.pixels[pictures].float().to(device),
        latents=scenes.latents[pictures].float().to(device),
        text=scenes.text[phrases].to(device),
    )
    return encoding, torch.from_numpy(bits).float().to(device)


def _add_features(
    backbone: LatentDiffusion, encoding: Encoding, timestep: int, seed: int
) -> Encoding:
    """Features at a timestep, each row with noise of its own (inference shares one noise)."""
    noise = backbone.draw_noise(encoding.latents.shape, seed)
    noisy = backbone.add_noise(encoding.latents, timestep, noise)
    features = backbone.features(noisy, encoding.text, timestep)
    return Encoding(encoding.pixels, encoding.latents, encoding.text, features)
