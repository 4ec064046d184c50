"""Pocket: comparing its networks and reusing features, against what shares nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from time import process_time

import numpy as np
from PIL import Image

from ldznet.data.shapes import STYLES, draw_scene, phrases
from ldznet.experiments.bench.reference import compare_plainly
from ldznet.experiments.bench.spread import Spread, alternate, spread_of, spread_of_ratios
from ldznet.networks import NETWORKS
from ldznet.pipeline import Segmenter
from ldznet.types import Generation, Segmentation


@dataclass(frozen=True)
class Comparison:
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
    networks = {name: segmenter.networks[name] for name in NETWORKS if name in segmenter.networks}
    names = list(networks)
    worded = [segmenter.template.format(text) for text in texts]

    def share() -> dict[str, Segmentation]:
        return segmenter.compare(image, texts, names)

    def start_anew() -> dict[str, np.ndarray]:
        return compare_plainly(segmenter.backbone, networks, image, worded)

    found, expected = share(), start_anew()
    difference = max(
        float(np.abs(found[name].probability - expected[name]).max()) for name in expected
    )
    taken = alternate({"shared": share, "plain": start_anew}, turns, warm=False)
    ratio = spread_of_ratios(taken["plain"], taken["shared"])
    return Comparison(spread_of(taken["shared"]), spread_of(taken["plain"]), ratio, difference)


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
