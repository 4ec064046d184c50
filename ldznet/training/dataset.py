"""Samples in memory, as the networks read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ldznet.backbone.ldm import LatentDiffusion
from ldznet.images import to_pixels
from ldznet.pipeline.frame import whole_frame
from ldznet.types import Encoding, Sample


@dataclass(frozen=True)
class MaskedScenes:
    """Encoded samples; a picture is kept once for all its phrases."""

    pictures: np.ndarray  # (N, H, W, 3) uint8
    latents: Tensor  # (N, 4, h, w) float16
    text: Tensor  # (T, tokens, D) of the distinct phrases
    rows: list[tuple[int, int]]  # per sample: which picture, and which text its phrase is
    masks: np.ndarray  # (samples, h', ceil(w' / 8)) uint8, packed bits, in the size they were given
    width: int  # w' of a mask, which its bits alone do not tell

    def batch(self, chosen: Sequence[int], device: torch.device) -> tuple[Encoding, Tensor]:
        """What the networks read of the samples chosen, and their masks (B, 1, h', w'), 0 or 1."""
        pictures = [self.rows[i][0] for i in chosen]
        phrases = [self.rows[i][1] for i in chosen]
        encoding = Encoding(
            pixels=to_pixels(self.pictures[pictures]).to(device),
            latents=self.latents[pictures].float().to(device),
            text=self.text[phrases].to(device),
        )
        bits = np.unpackbits(self.masks[chosen], axis=-1, count=self.width)
        return encoding, torch.from_numpy(bits)[:, None].float().to(device)


def prepare_masked_scenes(backbone: LatentDiffusion, samples: Sequence[Sample]) -> MaskedScenes:
    """Encode every distinct picture, a square brought to the backbone's size, and every phrase.

    All masks are of one size. Samples of one `source` have one picture.
    """
    images = {sample.source: sample.image for sample in samples}
    texts = sorted({sample.phrase for sample in samples})
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
        rows=[(picture_row[sample.source], text_row[sample.phrase]) for sample in samples],
        masks=np.stack([np.packbits(sample.mask, axis=-1) for sample in samples]),
        width=samples[0].mask.shape[1],
    )
