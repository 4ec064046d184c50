"""Trains one segmentation network on phrases and masks, the backbone frozen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count as count_up
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.blocks import FUSION_BLOCKS
from ldznet.data.shapes import (
    TRAIN_START,
    Scene,
    absent_phrases,
    caption,
    draw_scene,
    names_novelty,
    phrases,
    shows_novelty,
)
from ldznet.images import to_pictures, to_pixels
from ldznet.networks import NETWORKS, LDZNet, SegmentationNetwork
from ldznet.networks.fusion import FUSION_PARTS
from ldznet.pipeline.frame import whole_frame
from ldznet.training.attention import use_fast_attention
from ldznet.training.fusion_start import align_fusion
from ldznet.training.loop import TrainConfig, TrainResult, train
from ldznet.training.losses import mask_loss
from ldznet.types import Encoding, Reading, Sample

MASKS_START = TRAIN_START + 50_000_000  # scene numbers that the backbone never saw
MASKS_APART = 1_000_000  # scene numbers between one choice of scenes and the next
MASK_DIFFICULTIES = ("single", "pair", "full", "full")  # in turn
# How likely each phrase makes its scene have one that names nothing in it, with an empty mask. One
# a scene at most, so 6 % of all phrases.
ABSENT_SHARE = 0.1
CAPTION_SHARE = 0.5  # of the samples: the LDM reads what describes the whole picture, as in reuse
FUSION_SHARE = 0.1  # of the learning rate: at the whole of it LD-ZNet's fusion grows into noise
ALIGNED = 128  # samples that tell where LD-ZNet's fusion starts


@dataclass(frozen=True)
class MaskedScenes:
    """Samples in memory, as the networks read them; a picture is kept once for all its phrases."""

    pictures: np.ndarray  # (N, H, W, 3) uint8
    latents: Tensor  # (N, 4, h, w) float16
    text: Tensor  # (T, tokens, D) of the distinct phrases and captions
    rows: list[tuple[int, int, int]]  # per sample: picture, and which text phrase and caption are
    masks: np.ndarray  # (samples, h', w' / 8) uint8, packed bits, in the size they were given

    def batch(self, chosen: Sequence[int], device: torch.device) -> tuple[Encoding, Tensor]:
        """What the networks read of the samples chosen, and their masks (B, 1, h', w')."""
        pictures = [self.rows[i][0] for i in chosen]
        phrases = [self.rows[i][1] for i in chosen]
        encoding = Encoding(
            pixels=to_pixels(self.pictures[pictures]).to(device),
            latents=self.latents[pictures].float().to(device),
            text=self.text[phrases].to(device),
        )
        masks = torch.from_numpy(np.unpackbits(self.masks[chosen], axis=-1))[:, None]
        return encoding, masks.float().to(device)

    def captions(self, chosen: Sequence[int], device: torch.device) -> Tensor:
        """The text (B, tokens, D) of the captions of the samples' pictures."""
        return self.text[[self.rows[i][2] for i in chosen]].to(device)


def draw_samples(count: int, seed: int = 0) -> list[Sample]:
    """Each phrase of `count` photo-style scenes with its mask, and some naming absent things.

    Nothing novel is seen or named. Another seed gives other scenes.
    """
    samples = []
    for scene in islice(_familiar_scenes(MASKS_START + seed * MASKS_APART), count):
        source, said = f"shapes/train/photo/{scene.number}", caption(scene)
        found = [
            Sample(scene.image, phrase.text, phrase.mask, source, phrase.kind, said)
            for phrase in phrases(scene)
        ]
        absent = [text for text in absent_phrases(scene) if not names_novelty(text)]
        random = np.random.default_rng(scene.number)
        if absent and random.random() < ABSENT_SHARE * len(found):
            text = absent[int(random.integers(len(absent)))]
            nothing = np.zeros(scene.image.shape[:2], bool)
            found.append(Sample(scene.image, text, nothing, source, "absent", said))
        samples += found
    return samples


def _familiar_scenes(first: int) -> Iterator[Scene]:
    for number in count_up(first):
        difficulty = MASK_DIFFICULTIES[number % len(MASK_DIFFICULTIES)]
        scene = draw_scene(number, "photo", difficulty)
        if not shows_novelty(scene):
            yield scene


def prepare_masked_scenes(backbone: LatentDiffusion, samples: Sequence[Sample]) -> MaskedScenes:
    """Encode every distinct picture, a square brought to the backbone's size, and every text."""
    images = {sample.source: sample.image for sample in samples}
    texts = sorted({text for sample in samples for text in (sample.phrase, sample.caption)})
    picture_row = {source: row for row, source in enumerate(images)}
    text_row = {text: row for row, text in enumerate(texts)}
    frame = whole_frame(backbone.native_size, backbone.native_size)
    pictures = np.stack([frame.place(Image.fromarray(image)) for image in images.values()])
    parts = [to_pixels(pictures[i : i + 50]) for i in range(0, len(pictures), 50)]
    return MaskedScenes(
        pictures=pictures,
        latents=torch.cat([backbone.encode_image(part).half().cpu() for part in parts]),
        text=torch.cat(
            [backbone.encode_text(texts[i : i + 100]) for i in range(0, len(texts), 100)]
        ).cpu(),
        rows=[
            (picture_row[sample.source], text_row[sample.phrase], text_row[sample.caption])
            for sample in samples
        ],
        masks=np.stack([np.packbits(sample.mask, axis=-1) for sample in samples]),
    )


def new_network(
    name: str,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    timesteps: range,
    *,
    seed: int,
    from_backbone: bool = True,
) -> SegmentationNetwork:
    """An untrained network that fits the backbone and the scenes it is to be trained on.

    It starts from the backbone's U-Net wherever shapes match, or from random weights alone;
    LD-ZNet's fusion starts aligned with what it will read of the LDM (see `align_fusion`).
    """
    network = fitting_network(name, backbone, seed=seed, from_backbone=from_backbone)
    if isinstance(network, LDZNet):
        random = np.random.default_rng(seed)
        chosen = random.integers(len(scenes.rows), size=ALIGNED).tolist()
        encoding, _ = scenes.batch(chosen, backbone.device)
        timestep = (timesteps.start + timesteps.stop) // 2
        align_fusion(network, _add_features(backbone, encoding, encoding.text, timestep, seed))
    return network


def fitting_network(
    name: str, backbone: LatentDiffusion, *, seed: int, from_backbone: bool = True
) -> SegmentationNetwork:
    """An untrained network of the backbone's sizes, as `new_network` before any alignment."""
    unet = backbone.unet.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[name](
            block_out_channels=unet.block_out_channels,
            cross_attention_dim=unet.cross_attention_dim,
            attention_head_dim=unet.attention_head_dim,
            norm_num_groups=unet.norm_num_groups,
            sample_size=unet.sample_size,
            factor=backbone.factor,
        )
    if from_backbone:
        network.initialise_from(backbone.unet)
    return network.to(backbone.device, memory_format=torch.channels_last)


def timesteps_around(timestep: int) -> range:
    """The timesteps to train at for reading at this one: a quarter to either side, as the paper.

    400 gives 300 to 499.
    """
    return range(timestep - timestep // 4, timestep + timestep // 4)


def train_network(
    network: SegmentationNetwork,
    backbone: LatentDiffusion,
    scenes: MaskedScenes,
    config: TrainConfig,
    folder: Path,
    timesteps: range,
    *,
    fusion_share: float = FUSION_SHARE,
) -> TrainResult:
    """Train `network` in place. The batches depend on the seed alone: equal for every network.

    What it reads of the LDM it reads at a random one of `timesteps` in each step. In a share of the
    samples the LDM is given the caption instead of the phrase: features recorded while a picture is
    drawn follow its prompt, and should serve as well. LD-ZNet's fusion is trained at `fusion_share`
    of the learning rate.
    """
    device = backbone.device

    def draw_batch(step: int) -> tuple[Encoding, Tensor]:
        random = np.random.default_rng([config.seed, step])
        chosen = random.integers(len(scenes.rows), size=config.batch_size)
        encoding, masks = scenes.batch(chosen.tolist(), device)
        if network.reading:
            timestep = int(random.integers(timesteps.start, timesteps.stop))
            noise_seed = int(random.integers(2**31))
            captioned = torch.from_numpy(random.random(len(chosen)) < CAPTION_SHARE).to(device)
            captions = scenes.captions(chosen.tolist(), device)
            said = torch.where(captioned[:, None, None], captions, encoding.text)
            encoding = _add_features(backbone, encoding, said, timestep, noise_seed)
        return encoding, masks

    def loss(model: nn.Module, step: int) -> Tensor:
        encoding, masks = draw_batch(step)
        logits = model(encoding).float()
        # A mask enlarged keeps soft edges, as its picture does.
        return mask_loss(logits, functional.interpolate(masks, logits.shape[-2:], mode="bilinear"))

    def preview(step: int) -> None:
        encoding, masks = draw_batch(0)
        with torch.no_grad():
            found = network(encoding).sigmoid()
        masks = functional.interpolate(masks, found.shape[-2:])
        shown = [encoding.pixels, masks * 2 - 1, found * 2 - 1]
        rows = [np.hstack(list(to_pictures(part.expand(-1, 3, -1, -1)[:8]))) for part in shown]
        Image.fromarray(np.vstack(rows)).save(folder / f"masks-{step:06d}.png")

    def share_of_rate(parameter: str) -> float:
        return fusion_share if FUSION_PARTS & set(parameter.split(".")) else 1.0

    use_fast_attention(network.unet, device)
    network.train().requires_grad_(True)
    result = train(network.name, network, loss, config, folder, preview, share_of_rate)
    network.eval().requires_grad_(False)
    return result


def _add_features(
    backbone: LatentDiffusion, encoding: Encoding, said: Tensor, timestep: int, seed: int
) -> Encoding:
    """Features under a text, each row with noise of its own (inference shares one noise)."""
    noise = backbone.draw_noise(encoding.latents.shape, seed)
    with torch.autocast(backbone.device.type, torch.bfloat16):  # as the network trains
        recording = backbone.read(
            encoding.latents, said, Reading(FUSION_BLOCKS), timestep=timestep, noise=noise
        )
    return replace(encoding, features=recording.features_at(timestep))
