"""Pocket: comparing its networks and reusing features, against what shares nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from time import process_time
from typing import Any

import numpy as np
import torch
from PIL import Image

from ldznet.backbone import LatentDiffusion, generate, record
from ldznet.blocks import FUSION_BLOCKS
from ldznet.data.shapes import STYLES, draw_scene, phrases
from ldznet.experiments.measuring import Spread, alternate, spread_of, spread_of_ratios
from ldznet.networks import NETWORKS
from ldznet.phrases import noun_phrases
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding, Generation, Segmentation

PROMPT = "a red ball left of a blue star"
PICTURE_PHRASES = 3  # in pocket's example


@dataclass(frozen=True)
class SharedAgainstPlain:
    """Both ways of comparing the trained networks on the same image and phrases, run in turns."""

    shared: Spread  # seconds: `Segmenter.compare`
    plain: Spread  # seconds: `compare_plainly`
    ratio: Spread  # plain over shared, per turn
    largest_difference: float  # between the probabilities of both, in [0, 1]


@dataclass(frozen=True)
class ReuseTimes:
    """Seconds to segment a just generated picture with LD-ZNet, in three ways run in turns."""

    reused: Spread  # with the features kept while drawing
    exact: Spread  # with features read anew from the last latents, conditioned on each phrase
    encoded: Spread  # the same from the picture, like any upload
    ratio_to_exact: Spread  # reused over exact, per turn
    ratio_to_encoded: Spread


def measure_pocket(
    turns: int = 20, scenes: int = 200, segmenter: Segmenter | None = None
) -> dict[str, Any]:
    """Pocket: its three networks on one picture, shared work, reused features, drawn scenes."""
    pocket = segmenter or Segmenter.from_pretrained()
    image, phrases = draw_example(PICTURE_PHRASES, pocket.backbone.native_size)
    names = [name for name in NETWORKS if name in pocket.networks]
    one = alternate({"one": lambda: pocket.compare(image, phrases[:1], names)}, turns)["one"]
    comparison = time_comparison(pocket, image, phrases, turns)
    named = noun_phrases(PROMPT)
    reuse = time_reuse(pocket, generate(pocket.backbone, PROMPT), named, turns)
    return {
        "networks": names,
        "width": image.shape[1],
        "height": image.shape[0],
        "one_phrase": asdict(spread_of(one)),
        "phrases": phrases,
        "comparison": asdict(comparison),
        "reuse": {"phrases": named, **asdict(reuse)},
        "scenes_per_second": scenes_per_second(scenes),
    }


def draw_example(number_of_phrases: int, side: int) -> tuple[np.ndarray, list[str]]:
    """The first scene with so many phrases, (side, side, 3) uint8, and the first of them."""
    for number in count():
        scene = draw_scene(number, "photo")
        texts = [phrase.text for phrase in phrases(scene)][:number_of_phrases]
        if len(texts) == number_of_phrases:
            return np.array(Image.fromarray(scene.image).resize((side, side))), texts
    raise AssertionError("the world is endless")


def time_comparison(
    segmenter: Segmenter, image: np.ndarray, texts: Sequence[str], turns: int
) -> SharedAgainstPlain:
    """Both ways in turns, after one turn to warm up. `image` (H, W, 3) uint8 of native size."""
    networks = {name: segmenter.networks[name] for name in NETWORKS if name in segmenter.networks}
    names = list(networks)
    worded = [segmenter.template.format(text) for text in texts]

    def share() -> dict[str, Segmentation]:
        return segmenter.compare(image, texts, names)

    def start_anew() -> dict[str, np.ndarray]:
        return compare_plainly(segmenter.backbone, networks, image, worded)

    shared, plain = share(), start_anew()
    difference = max(float(np.abs(shared[name].probability - plain[name]).max()) for name in plain)
    taken = alternate({"shared": share, "plain": start_anew}, turns, warm=False)
    ratio = spread_of_ratios(taken["plain"], taken["shared"])
    return SharedAgainstPlain(
        spread_of(taken["shared"]), spread_of(taken["plain"]), ratio, difference
    )


def time_reuse(
    segmenter: Segmenter, generation: Generation, texts: Sequence[str], turns: int
) -> ReuseTimes:
    """The three ways in turns, after one turn to warm up."""
    taken = alternate(
        {
            "reused": lambda: segmenter.compare_generated(generation, texts, ["ldznet"]),
            "exact": lambda: segmenter.compare_generated(
                generation, texts, ["ldznet"], reuse=False
            ),
            "encoded": lambda: segmenter.compare(generation.image, texts, ["ldznet"]),
        },
        turns,
    )
    return ReuseTimes(
        **{name: spread_of(seconds) for name, seconds in taken.items()},
        ratio_to_exact=spread_of_ratios(taken["reused"], taken["exact"]),
        ratio_to_encoded=spread_of_ratios(taken["reused"], taken["encoded"]),
    )


def scenes_per_second(scenes: int) -> dict[str, float]:
    """How many full scenes of each style one core draws in a second of its own time.

    Measured over `scenes` of them; what else the machine does meanwhile does not count.
    """
    rates = {}
    for style in STYLES:
        start = process_time()
        for number in range(scenes):
            draw_scene(number, style)
        rates[style] = scenes / (process_time() - start)
    return rates


@torch.no_grad()
def compare_plainly(
    backbone: LatentDiffusion,
    networks: Mapping[str, Any],
    image: np.ndarray,
    texts: Sequence[str],
    *,
    seed: int = 0,
    timestep: int = 400,
) -> dict[str, np.ndarray]:
    """The probabilities (P, H, W) per network of `Segmenter.compare`, as a script would get them.

    `image` is (H, W, 3) uint8 of native size; `texts` are the phrases as worded for the encoder.
    Every network and every phrase starts again from the image with the libraries' own calls: VAE,
    text encoder, the diffusion model's whole step although only its middle is read, network.
    """
    probabilities = {}
    for name, network in networks.items():
        rows = []
        for text in texts:
            pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 127.5 - 1
            pixels = pixels.to(backbone.device, backbone.dtype)
            latents = backbone.vae.encode(pixels).latent_dist.mode()
            latents = latents * backbone.vae.config.scaling_factor
            limit = backbone.text_encoder.config.max_position_embeddings
            tokens = backbone.tokenizer(
                text, padding="max_length", max_length=limit, return_tensors="pt"
            )
            encoded = backbone.text_encoder(tokens.input_ids.to(backbone.device))[0]
            features = {}
            if network.reading:
                noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
                noisy = backbone.scheduler.add_noise(
                    latents, noise.to(latents), torch.tensor([timestep])
                )
                with record(backbone.unet, features=FUSION_BLOCKS) as recording:
                    backbone.unet(noisy, timestep, encoded)
                features = {block: recording.features[timestep, block] for block in FUSION_BLOCKS}
            logits = network(Encoding(pixels, latents, encoded, features))  # (1, 1, H, W)
            rows.append(logits[0, 0].sigmoid().float().cpu().numpy())
        probabilities[name] = np.stack(rows)
    return probabilities
