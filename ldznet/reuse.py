"""How closely LD-ZNet's masks from reused features follow the exact ones, and what reuse saves.

A generated picture can be segmented with the features that were seen while it was drawn. They
follow the prompt and came at one of the sampler's steps; the exact way noises the last latents
anew and has the diffusion model read them with the phrase. This asks both, and the usual way of a
picture of unknown origin, for the things that the prompts of held-out scenes name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

import numpy as np

from ldznet.backbone import generate
from ldznet.bench import Spread, spread_of, spread_of_ratios
from ldznet.data.shapes import CATEGORIES, SPLITS, caption, draw_scene
from ldznet.data.shapes.language import plural
from ldznet.metrics import iou
from ldznet.noun_phrases import noun_phrases
from ldznet.pipeline import Segmenter
from ldznet.types import Generation, Segmentation

NETWORK = "ldznet"
THINGS = frozenset([*CATEGORIES, *map(plural, CATEGORIES)])
DIFFICULTIES = ("single", "pair")  # one thing in a scene, or two

Way = Callable[[Generation, Sequence[str]], Segmentation]


@dataclass(frozen=True)
class Agreement:
    """How alike one way's masks and probabilities are to those of the exact way."""

    phrases: int
    both_empty: int  # phrases for which neither way found a pixel
    mean_iou: float  # in [0, 1]; two empty masks count as 1
    mean_iou_found: float  # the same without those; 0 if there are no others
    probability_difference: float  # mean over all pixels, absolute, in [0, 1]


@dataclass(frozen=True)
class Measurement:
    """What reuse keeps and what it saves, against the exact way from the last latents."""

    prompts: int
    agreement: dict[str, Agreement]  # by way: reused, exact with other noise, encoded
    things: dict[str, Agreement]  # of the reused way alone, by how many things the scene has
    seconds: dict[str, Spread]  # by way, per picture with all its phrases
    ratio_to_exact: Spread  # of the reused way's time, picture by picture
    ratio_to_encoded: Spread


def prompts() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Captions of held-out scenes of all styles, the things each names, and its difficulty."""
    for number in range(*SPLITS["test"]):
        difficulty = DIFFICULTIES[number % len(DIFFICULTIES)]
        prompt = caption(draw_scene(number, difficulty=difficulty))
        named = (phrase for phrase in noun_phrases(prompt) if phrase.split()[-1] in THINGS)
        yield prompt, tuple(named), difficulty


def measure_reuse(
    segmenter: Segmenter,
    *,
    count: int,
    steps: int,
    guidance: float,
    seed: int = 0,
    follow: Callable[[Iterable], Iterable] = iter,
) -> Measurement:
    """The ways side by side on `count` prompts; prompt i is drawn with seed `seed + i`.

    All ways are asked on every picture, each picture beginning with another one, so that what the
    machine does beside touches all alike. `follow` wraps the prompts, to show how far it is.
    """

    def generated(reuse: bool, noise: int = 0) -> Way:
        return lambda generation, phrases: segmenter.compare_generated(
            generation, phrases, [NETWORK], reuse=reuse, seed=noise
        )[NETWORK]

    ways: dict[str, Way] = {
        "reused": generated(reuse=True),
        "exact": generated(reuse=False),
        "exact_other_noise": generated(reuse=False, noise=1),
        "encoded": lambda generation, phrases: segmenter(generation.image, phrases, NETWORK),
    }
    tallies = {way: _Tally() for way in ways if way != "exact"}
    things = {difficulty: _Tally() for difficulty in DIFFICULTIES}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number, (prompt, phrases, difficulty) in enumerate(follow(islice(prompts(), count))):
        generation = generate(
            segmenter.backbone, prompt, steps=steps, guidance=guidance, seed=seed + number
        )
        if not number:
            for ask in ways.values():  # the first pass of anything is slower
                ask(generation, phrases)
        found = {}
        for way in _turned(list(ways), number):
            start = perf_counter()
            found[way] = ways[way](generation, phrases)
            seconds[way].append(perf_counter() - start)
        for way, tally in tallies.items():
            tally.add(found[way], found["exact"])
        things[difficulty].add(found["reused"], found["exact"])
    return Measurement(
        prompts=count,
        agreement={way: tally.result() for way, tally in tallies.items()},
        things={name: tally.result() for name, tally in things.items() if tally.differences},
        seconds={way: spread_of(taken) for way, taken in seconds.items()},
        ratio_to_exact=spread_of_ratios(seconds["reused"], seconds["exact"]),
        ratio_to_encoded=spread_of_ratios(seconds["reused"], seconds["encoded"]),
    )


class _Tally:
    """Collects phrase by phrase what an `Agreement` says."""

    def __init__(self) -> None:
        self.overlaps: list[float | None] = []
        self.differences: list[float] = []

    def add(self, found: Segmentation, expected: Segmentation) -> None:
        self.overlaps += map(iou, found.mask, expected.mask)
        difference = np.abs(found.probability - expected.probability)
        self.differences += difference.mean(axis=(1, 2)).tolist()

    def result(self) -> Agreement:
        seen = [overlap for overlap in self.overlaps if overlap is not None]
        empty = len(self.overlaps) - len(seen)
        return Agreement(
            phrases=len(self.overlaps),
            both_empty=empty,
            mean_iou=(sum(seen) + empty) / len(self.overlaps),
            mean_iou_found=float(np.mean(seen)) if seen else 0.0,
            probability_difference=float(np.mean(self.differences)),
        )


def _turned(ways: list[str], number: int) -> list[str]:
    start = number % len(ways)
    return ways[start:] + ways[:start]
