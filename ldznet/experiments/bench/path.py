"""LD-ZNet's whole path at full size, from a picture and phrases to masks, against the plain way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image

from ldznet.experiments.bench.full_size import PHRASES, SIDE, build_backbone, build_network, fill
from ldznet.experiments.bench.reference import compare_plainly
from ldznet.experiments.bench.spread import (
    Spread,
    Work,
    alternate,
    seconds_of,
    spread_of,
    spread_of_ratios,
)
from ldznet.pipeline import Segmenter
from ldznet.types import Generation

NETWORK = "ldznet"
WIDTHS = {6: 1280, 7: 1280, 8: 1280, 9: 1280, 10: 1280}  # channels of the features
STRIDES = {6: 4, 7: 8, 8: 4, 9: 4, 10: 4}


@dataclass(frozen=True)
class Against:
    """Ours against another way, run in turns."""

    ours: Spread  # seconds
    other: Spread  # seconds
    ratio: Spread  # other over ours, per turn: how many times faster ours is


class Reference:
    """The plain way on stock classes in float32, its attention fused (SDPA) or a written softmax.

    diffusers fuses attention by default; the official code writes the softmax out.
    """

    def __init__(self) -> None:
        self.backbone = build_backbone(torch.float32)
        self.network = build_network(torch.float32)

    def __call__(self, image: np.ndarray, phrases: Sequence[str]) -> np.ndarray:
        """(P, H, W) probabilities."""
        return compare_plainly(self.backbone, {NETWORK: self.network}, image, phrases)[NETWORK]

    def write_softmax_out(self) -> None:
        """From here on, attention is products and a softmax."""
        for model in (self.backbone.unet, self.backbone.vae, self.network.unet):
            for name, processor in model.attn_processors.items():
                if not isinstance(processor, AttnProcessor):
                    model.get_submodule(name.removesuffix(".processor")).set_processor(
                        AttnProcessor()
                    )


def build_segmenter(dtype: torch.dtype) -> Segmenter:
    """Ours at full size."""
    return Segmenter(build_backbone(dtype), {NETWORK: build_network(dtype)})


def example(side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: smooth and coloured, since nothing depends on what it shows."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC))


def time_against(segmenter: Segmenter, reference: Reference, phrases: int, turns: int) -> Against:
    """Ours against the plain way for so many phrases (1-4) in one picture."""
    image, texts = example(), PHRASES[:phrases]
    ways: dict[str, Work] = {
        "ours": lambda: segmenter.compare(image, texts, [NETWORK]),
        "other": lambda: reference(image, texts),
    }
    return _against(alternate(ways, turns, warm=phrases == 1))


def largest_difference(segmenter: Segmenter, reference: Reference) -> float:
    """The largest difference between ours and the plain way's probabilities, for one phrase."""
    image, texts = example(), PHRASES[:1]
    found = segmenter.compare(image, texts, [NETWORK])[NETWORK]
    return float(np.abs(found.probability - reference(image, texts)).max())


def time_reuse(segmenter: Segmenter, turns: int) -> dict[str, Spread]:
    """Segmenting one phrase in a picture just drawn: features kept, read anew, or from pixels."""
    side = SIDE // 8
    latents = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(0))
    features = {
        block: torch.zeros(1, width, side // STRIDES[block], side // STRIDES[block]).half()
        for block, width in WIDTHS.items()
    }
    generation = Generation(
        image=example(),
        latents=latents,
        prompt=PHRASES[0],
        negative_prompt="",
        seed=0,
        steps=20,
        guidance=7.5,
        features=features,
        feature_timestep=400,
    )
    texts = PHRASES[:1]
    taken = alternate(
        {
            "reused": lambda: segmenter.compare_generated(generation, texts, [NETWORK]),
            "exact": lambda: segmenter.compare_generated(generation, texts, [NETWORK], reuse=False),
            "encoded": lambda: segmenter.compare(generation.image, texts, [NETWORK]),
        },
        turns,
    )
    return {name: spread_of(seconds) for name, seconds in taken.items()} | {
        "ratio_to_exact": spread_of_ratios(taken["reused"], taken["exact"]),
        "ratio_to_encoded": spread_of_ratios(taken["reused"], taken["encoded"]),
    }


def time_growth(
    segmenter: Segmenter, phrases: Sequence[int], sides: Sequence[int]
) -> dict[str, dict[int, float]]:
    """Seconds for so many phrases in one picture, and for one phrase in pictures of these sides.

    The larger picture is segmented at its own size, not brought to the native one.
    """
    words = [f"{phrase} {other}" for phrase in PHRASES for other in PHRASES]

    def segment(side: int, texts: Sequence[str]) -> float:
        image = example(side)
        return seconds_of(lambda: segmenter.compare(image, texts, [NETWORK]))

    grown = {count: segment(SIDE, words[:count]) for count in phrases}
    native, areas = segmenter.native_size, {}
    for side in sides:
        segmenter.native_size = side
        segment(side, PHRASES[:1])  # the first of a size is slower
        areas[side] = segment(side, PHRASES[:1])
    segmenter.native_size = native
    return {"phrases": grown, "sides": areas}


def _against(taken: dict[str, list[float]]) -> Against:
    ratio = spread_of_ratios(taken["other"], taken["ours"])
    return Against(spread_of(taken["ours"]), spread_of(taken["other"]), ratio)


def time_clipseg(segmenter: Segmenter, turns: int) -> Against:
    """Ours against CLIPSeg (rd64, 352 x 352, random weights) for one phrase, each at its size."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    config = CLIPSegConfig(vision_config={"patch_size": 16, "image_size": 352}, reduce_dim=64)
    clipseg = fill(lambda: CLIPSegForImageSegmentation(config), torch.float32)
    pixels = torch.randn(1, 3, 352, 352, generator=torch.Generator().manual_seed(0))
    ids = torch.full((1, 77), 2)

    @torch.no_grad()
    def run_clipseg() -> None:
        clipseg(input_ids=ids, pixel_values=pixels)

    image = example()
    ways: dict[str, Work] = {
        "ours": lambda: segmenter.compare(image, PHRASES[:1], [NETWORK]),
        "other": run_clipseg,
    }
    return _against(alternate(ways, turns))
