"""Times what shares work against what does not: comparing networks, reusing features, drawing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import perf_counter, process_time

import numpy as np
import torch
from PIL import Image

from ldznet.backbone import record
from ldznet.blocks import FUSION_BLOCKS
from ldznet.data.shapes import STYLES, draw_scene, phrases
from ldznet.pipeline import Segmenter
from ldznet.types import Encoding, Generation


@dataclass(frozen=True)
class Spread:
    """The least, the middle and the greatest of several measurements."""

    least: float
    median: float
    greatest: float


@dataclass(frozen=True)
class Comparison:
    """Both ways of comparing all networks on the same image and phrases, run in turns."""

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
) -> Comparison:
    """Both ways in turns, after one turn to warm up. `image` (H, W, 3) uint8 of native size."""
    found = segmenter.compare(image, texts)
    expected = compare_plainly(segmenter, image, texts)
    difference = max(
        float(np.abs(found[name].probability - expected[name]).max()) for name in expected
    )
    shared, plain = [], []
    for _ in range(turns):
        shared.append(_seconds(lambda: segmenter.compare(image, texts)))
        plain.append(_seconds(lambda: compare_plainly(segmenter, image, texts)))
    ratio = spread_of_ratios(plain, shared)
    return Comparison(spread_of(shared), spread_of(plain), ratio, difference)


def time_reuse(
    segmenter: Segmenter, generation: Generation, texts: Sequence[str], turns: int
) -> ReuseTimes:
    """The three ways in turns, after one turn to warm up."""
    ways = {
        "reused": lambda: segmenter.compare_generated(generation, texts, ["ldznet"]),
        "exact": lambda: segmenter.compare_generated(generation, texts, ["ldznet"], reuse=False),
        "encoded": lambda: segmenter.compare(generation.image, texts, ["ldznet"]),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            seconds = _seconds(way)
            if turn:
                taken[name].append(seconds)
    return ReuseTimes(
        **{name: spread_of(seconds) for name, seconds in taken.items()},
        ratio_to_exact=spread_of_ratios(taken["reused"], taken["exact"]),
        ratio_to_encoded=spread_of_ratios(taken["reused"], taken["encoded"]),
    )


@torch.no_grad()
def compare_plainly(
    segmenter: Segmenter,
    image: np.ndarray,
    texts: Sequence[str],
    *,
    seed: int = 0,
    timestep: int = 400,
) -> dict[str, np.ndarray]:
    """The same probabilities (P, H, W) per network, the way a first script would find them.

    Every network and every phrase starts again from the image with the libraries' own calls, and
    the diffusion model finishes its whole step although only its middle is read.
    """
    backbone = segmenter.backbone
    probabilities = {}
    for name, network in segmenter.networks.items():
        rows = []
        for phrase in texts:
            pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 127.5 - 1
            pixels = pixels.to(backbone.device, backbone.dtype)
            latents = backbone.vae.encode(pixels).latent_dist.mode()
            latents = latents * backbone.vae.config.scaling_factor
            tokens = backbone.tokenizer(
                segmenter.template.format(phrase), padding="max_length", return_tensors="pt"
            )
            text = backbone.text_encoder(tokens.input_ids.to(backbone.device))[0]
            features = {}
            if network.reading:
                noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
                noisy = backbone.scheduler.add_noise(
                    latents, noise.to(latents), torch.tensor([timestep])
                )
                with record(backbone.unet, features=FUSION_BLOCKS) as recording:
                    backbone.unet(noisy, timestep, text)
                features = {block: recording.features[timestep, block] for block in FUSION_BLOCKS}
            logits = network(Encoding(pixels, latents, text, features))  # (1, 1, H, W)
            rows.append(logits[0, 0].sigmoid().float().cpu().numpy())
        probabilities[name] = np.stack(rows)
    return probabilities


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


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def spread_of(values: Sequence[float]) -> Spread:
    """Their least, median and greatest."""
    return Spread(min(values), median(values), max(values))


def spread_of_ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """That of the quotients, pair by pair."""
    return spread_of([one / other for one, other in zip(over, under, strict=True)])
