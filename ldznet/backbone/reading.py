"""What networks read of the LDM: one denoising step for all of them, at each timestep they ask."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.backbone.recording import record, stop_after
from ldznet.blocks import find_block
from ldznet.types import AttentionKind, Encoding, Reading


@torch.no_grad()
def read(
    backbone: LatentDiffusion,
    encoding: Encoding,
    readings: Iterable[Reading],
    *,
    timestep: int,
    seed: int,
) -> Encoding:
    """The same encoding with everything that the readings name, added to what it holds.

    The latents are noised with `seed`, every row with the same noise, and the U-Net takes one step
    per timestep asked for (`timestep`, where a reading names none), ending after the last block
    needed. Features already there are kept and not read again. Raises ValueError for a timestep
    that the noise schedule does not have.
    """
    passes: defaultdict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.features and not encoding.features:
            passes[timestep].append(Reading(features=reading.features))
        if reading.attention:
            for when in reading.timesteps or (timestep,):
                passes[when].append(replace(reading, features=()))
    noise = backbone.draw_noise(encoding.latents[:1].shape, seed).expand_as(encoding.latents)
    features, attention = dict(encoding.features), dict(encoding.attention)
    for when, wanted in passes.items():
        blocks = _union(reading.features for reading in wanted)
        watched = _union(reading.attention for reading in wanted)
        kinds: list[AttentionKind] = _union(reading.kinds for reading in wanted)
        noisy = backbone.add_noise(encoding.latents, when, noise)
        last = find_block(backbone.unet, max([*blocks, *watched]))
        with (
            record(backbone.unet, features=blocks, attention=watched, kinds=kinds) as recording,
            stop_after(last),
        ):
            backbone.unet(noisy, when, encoding.text)
        features |= {block: recording.features[when, block] for block in blocks}
        attention |= recording.attention
    return replace(encoding, features=features, attention=attention)


def phrase_tokens(
    backbone: LatentDiffusion, texts: Sequence[str], spans: Sequence[tuple[int, int]]
) -> Tensor:
    """(B, tokens) bool: the tokens of each text that spell its phrase.

    A span is where the phrase stands in its text, from its first character to before the one
    behind its last.
    """
    length = backbone.text_encoder.config.max_position_embeddings
    rows = torch.zeros(len(texts), length, dtype=torch.bool)
    for row, text, (start, stop) in zip(rows, texts, spans, strict=True):
        offsets = backbone.tokenizer(text, return_offsets_mapping=True).offset_mapping
        for token, (first, last) in enumerate(offsets):
            row[token] = start <= first < last <= stop
    return rows


def _union(parts: Iterable[Iterable]) -> list:
    """Every item once, in the order of first appearance."""
    return list(dict.fromkeys(item for part in parts for item in part))
