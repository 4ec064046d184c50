"""Captioned scenes kept on the device that trains, drawn by other processes while it does.

What is there can be trained on at once; what comes later is taken in between two steps.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.data.shapes import (
    DIFFICULTIES,
    TRAIN_START,
    caption,
    draw_scene,
    full_captions,
    phrases,
)
from ldznet.experiments.pocket.autoencoder import CROP
from ldznet.experiments.pocket.diffusion import EMPTY_SHARE, Curriculum
from ldznet.training.loop import autocast
from ldznet.training.losses import velocity_loss

# In turn. Every other scene called a pair has one thing only, so this makes one thing in 4 of 10
# scenes, two in 4, and more in 2.
TURN = ("pair", "full", "pair", "full", "pair", "single", "pair", "full")
GROUPS = 3  # by the number of things: one, two, more
FULL = 4  # texts of a scene that say everything: the caption, and full ones
SHORT = 4  # that do not: phrases, as the networks will ask
LAYOUT = 600  # timestep from which on the layout is decided, and only full texts are read
SHORT_SHARE = 0.4  # of the samples below it
READ_EVERY = 50  # steps between two looks at what was drawn meanwhile
ENCODED = 500  # pictures at a time


@dataclass(frozen=True)
class Vocabulary:
    """Words as tokens, for processes that draw: a word is one token there."""

    words: Mapping[str, int]
    start: int
    end: int
    pad: int
    length: int

    @classmethod
    def of(cls, tokenizer: CLIPTokenizer) -> "Vocabulary":
        """That of a tokenizer built from words."""
        known = tokenizer.init_kwargs["known_words"]
        return cls(
            words=dict(
                zip(
                    known, tokenizer.convert_tokens_to_ids([f"{w}</w>" for w in known]), strict=True
                )
            ),
            start=tokenizer.bos_token_id,
            end=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            length=tokenizer.model_max_length,
        )

    def tokens(self, text: str) -> list[int]:
        """Token ids as the tokenizer gives them, padded to its length."""
        ids = [self.start, *(self.words[word] for word in text.split()), self.end]
        return ids + [self.pad] * (self.length - len(ids))


@dataclass(frozen=True)
class Shard:
    """Scenes as they come from where they were drawn."""

    pictures: np.ndarray  # (N, 128, 128, 3) uint8
    things: np.ndarray  # (N,) how many each shows
    texts: np.ndarray  # (N, FULL + SHORT, tokens) int16


def draw_shard(number: int, size: int, vocabulary: Vocabulary) -> Shard:
    """The shard of this number, of so many scenes; of one size, no two share a scene."""
    difficulty = TURN[number % len(TURN)]
    first = TRAIN_START + DIFFICULTIES.index(difficulty) * 10_000_000 + number * size
    scenes = [draw_scene(first + index, None, difficulty) for index in range(size)]
    texts = []
    for scene in scenes:
        short = [phrase.text for phrase in phrases(scene)]
        chosen = np.random.default_rng([scene.number, 4]).integers(len(short), size=SHORT)
        full = [caption(scene), *full_captions(scene, FULL - 1)]
        texts.append([vocabulary.tokens(text) for text in [*full, *(short[i] for i in chosen)]])
    return Shard(
        pictures=np.stack([scene.image for scene in scenes]),
        things=np.array([len(scene.objects) for scene in scenes]),
        texts=np.array(texts, np.int16),
    )


class SceneStream:
    """The scenes drawn so far, on a device."""

    def __init__(
        self,
        begin: Callable[..., Future],
        vocabulary: Vocabulary,
        capacity: int,
        shard: int,
        waiting: int,
        device: torch.device,
    ) -> None:
        """Room for `capacity` scenes, drawn `shard` at a time, `waiting` shards at once.

        `begin` has another process, or thread, do what it is given (see `side_processes`).
        """
        self.begin, self.vocabulary, self.device = begin, vocabulary, device
        self.shard, self.shards = shard, -(-capacity // shard)
        capacity = self.shards * shard
        self.pictures = torch.empty((capacity, 128, 128, 3), dtype=torch.uint8, device=device)
        self.texts = torch.empty(
            (capacity, FULL + SHORT, vocabulary.length), dtype=torch.int16, device=device
        )
        self.members = torch.zeros((GROUPS, capacity), dtype=torch.long, device=device)
        self.counts = [0] * GROUPS
        self.count = 0  # of scenes that are here
        self.begun = 0
        self.encoded = 0
        self.latents: Tensor | None = None
        self.backbone: LatentDiffusion | None = None
        self.drawing: deque[Future] = deque()
        self.empty = torch.tensor(vocabulary.tokens(""), device=device)
        for _ in range(waiting):
            self._begin_next()

    def _begin_next(self) -> None:
        if self.begun < self.shards:
            self.drawing.append(self.begin(draw_shard, self.begun, self.shard, self.vocabulary))
            self.begun += 1

    def take(self, at_least: int = 0) -> None:
        """Take in what is drawn; waits until so many scenes are here. Encodes them if it can."""
        at_least = min(at_least, len(self.pictures))
        while self.drawing and (self.drawing[0].done() or self.count < at_least):
            try:
                shard = self.drawing.popleft().result()
                self._begin_next()
            except BrokenExecutor:  # nobody draws any more: what is here has to do
                self.drawing.clear()
                break
            here = slice(self.count, self.count + len(shard.pictures))
            self.pictures[here] = torch.from_numpy(shard.pictures).to(self.device)
            self.texts[here] = torch.from_numpy(shard.texts).to(self.device)
            for group in range(GROUPS):
                chosen = np.flatnonzero(np.minimum(shard.things, GROUPS) == group + 1) + self.count
                start = self.counts[group]
                self.members[group, start : start + len(chosen)] = torch.from_numpy(chosen)
                self.counts[group] += len(chosen)
            self.count = here.stop
        self._encode()

    def encode_with(self, backbone: LatentDiffusion | None) -> None:
        """Give the scenes the latents of this first stage, those to come too; without one, none."""
        if backbone is None:
            self.backbone = self.latents = None
            return
        side = backbone.unet.config.sample_size
        shape = (len(self.pictures), backbone.unet.config.in_channels, side, side)
        self.latents = torch.empty(shape, dtype=torch.float16, device=self.device)
        self.backbone, self.encoded = backbone, 0
        self.take()

    def _encode(self) -> None:
        if self.backbone is None or self.latents is None:
            return
        while self.encoded < self.count:
            here = slice(self.encoded, min(self.encoded + ENCODED, self.count))
            with autocast(self.device):
                self.latents[here] = self.backbone.encode_image(_to_pixels(self.pictures[here]))
            self.encoded = here.stop

    def crops(self, step: int, size: int, seed: int) -> Tensor:
        """(size, 3, CROP, CROP) in [-1, 1], half of them mirrored; half of a batch."""
        if step % READ_EVERY == 0:
            self.take()
        random = self._generator(step, seed)
        device = self.device
        chosen = torch.randint(self.count, (size, 1, 1), generator=random, device=device)
        room = self.pictures.shape[1] - CROP + 1
        corner = torch.randint(room, (2, size, 1, 1), generator=random, device=device)
        along = torch.arange(CROP, device=device)
        rows, columns = corner[0] + along[None, :, None], corner[1] + along[None, None, :]
        pixels = _to_pixels(self.pictures[chosen, rows, columns])
        return torch.cat([pixels[: size // 2].flip(-1), pixels[size // 2 :]])

    def batch(
        self, step: int, size: int, seed: int, odds: Sequence[float], timesteps: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Latents (B, 4, h, w) float32, token ids (B, tokens), timesteps (B,), noise like latents.

        `odds` are of one thing, two, and more in a scene. Where the layout is decided the texts say
        everything; elsewhere some are phrases. `EMPTY_SHARE` of them are empty.
        """
        assert self.latents is not None
        if step % READ_EVERY == 0:
            self.take()
        random, device = self._generator(step, seed), self.device

        def share() -> Tensor:
            return torch.rand(size, generator=random, device=device)

        # Plain numbers reach the device with the launch; for a tensor made of them one waits.
        likely = [odd if count else 0.0 for odd, count in zip(odds, self.counts, strict=True)]
        first, second = (sum(likely[: n + 1]) / sum(likely) for n in range(2))
        which = share()
        group = (which >= first).long() + (which >= second).long()
        count = torch.where(
            group == 0,
            float(self.counts[0]),
            torch.where(group == 1, float(self.counts[1]), float(self.counts[2])),
        )
        index = self.members[group, (share() * count).long()]
        when = torch.randint(timesteps, (size,), generator=random, device=device)
        short = (share() < SHORT_SHARE) & (when < LAYOUT)
        text = torch.where(short, FULL + (share() * SHORT).long(), (share() * FULL).long())
        tokens = self.texts[index, text].long()
        tokens = torch.where((share() < EMPTY_SHARE)[:, None], self.empty, tokens)
        latents = self.latents[index].float()
        noise = torch.randn(latents.shape, generator=random, device=device)
        return latents, tokens, when, noise

    def _generator(self, step: int, seed: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(seed * 1_000_000_007 + step)


def streamed_loss(
    backbone: LatentDiffusion,
    scenes: SceneStream,
    size: int,
    seed: int,
    curriculum: Curriculum,
    passed: Callable[[], float],
) -> Callable[[nn.Module, int], Tensor]:
    """What `train` asks of a `Denoiser` that predicts the velocity: its loss at a step.

    `passed` tells the share of the training that is over; the curriculum goes by it.
    """
    kept_at = backbone.scheduler.alphas_cumprod.float().to(scenes.device)

    def loss(model: nn.Module, step: int) -> Tensor:
        odds = [odds for start, odds in curriculum if passed() >= start][-1]
        latents, tokens, when, noise = scenes.batch(step, size, seed, odds, len(kept_at))
        kept = kept_at[when].view(-1, 1, 1, 1)
        signal, blur = kept.sqrt(), (1 - kept).sqrt()
        prediction = model(signal * latents + blur * noise, when, tokens).float()
        velocity = signal * noise - blur * latents
        return velocity_loss(prediction, velocity, (kept / (1 - kept)).flatten())

    return loss


def _to_pixels(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] of (N, H, W, 3) uint8, on their device."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
