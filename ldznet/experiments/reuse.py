"""How closely LD-ZNet's masks from reused features follow the exact ones, and what reuse saves.

A generated picture can be segmented with the features that were recorded while it was drawn. They
follow the prompt and came at one of the sampler's steps; the exact way noises the last latents
anew and has the diffusion model read them with the phrase. This has both, and the usual way of a
picture of unknown origin, segment the things that the prompts of held-out scenes name.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from time import perf_counter

import torch
from tqdm import tqdm

from ldznet.backbone import generate
from ldznet.data.shapes import CATEGORIES, SPLITS, caption, draw_scene
from ldznet.data.shapes.language import plural
from ldznet.experiments.agreement import Agreement, AgreementTally
from ldznet.experiments.measuring import Spread, spread_of, spread_of_ratios
from ldznet.phrases import noun_phrases
from ldznet.pipeline import Segmenter
from ldznet.results.options import add_models, add_result_file, add_sampling, open_segmenter
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.types import Generation, Segmentation

NETWORK = "ldznet"
THINGS = frozenset([*CATEGORIES, *map(plural, CATEGORIES)])
DIFFICULTIES = ("single", "pair", "full")  # of the scenes, in turns: one thing, up to two, to four

Way = Callable[[Generation, Sequence[str]], Segmentation]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment reuse`."""
    parser.add_argument("--count", type=int, default=200, help="prompts, of held-out scenes")
    parser.add_argument("--seed", type=int, default=0, help="of the first prompt's picture")
    add_sampling(parser)
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 1:
        raise ValueError("Measure at least one prompt (--count).")
    segmenter = open_segmenter(arguments, [NETWORK])
    measured = measure_reuse(
        segmenter,
        count=arguments.count,
        steps=arguments.steps,
        guidance=arguments.guidance,
        seed=arguments.seed,
        follow=lambda prompts: tqdm(
            prompts, "reuse", arguments.count, unit=" prompts", leave=False, disable=None
        ),
    )
    result = {
        "threads": torch.get_num_threads(),
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "seed": arguments.seed,
        **asdict(measured),
    }
    write_result(arguments.output, command_line(arguments), result)
    for way, agreement in measured.agreement.items():
        print(
            f"{way} against exact: mean IoU {agreement.mean_iou:.3f} over {agreement.phrases} "
            f"phrases, {agreement.mean_iou_found:.3f} without the {agreement.both_empty} that "
            f"neither finds; probabilities differ by {agreement.probability_difference:.4f}"
        )
    print(
        f"time of reused: {measured.ratio_to_exact.median:.2f} of exact, "
        f"{measured.ratio_to_encoded.median:.2f} of encoding the picture (medians)"
    )
    print(f"Written to {arguments.output}")


@dataclass(frozen=True)
class Measurement:
    """What reuse keeps and what it saves, against the exact way from the last latents."""

    prompts: int
    agreement: dict[str, Agreement]  # by way, see `measure_reuse`
    things: dict[int, Agreement]  # of the reused way alone, by how many things the prompt names
    seconds: dict[str, Spread]  # by way, per picture with all its phrases
    ratio_to_exact: Spread  # of the reused way's time, picture by picture
    ratio_to_encoded: Spread


def prompts() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Captions of held-out scenes of all styles, and the things each names."""
    for number in range(*SPLITS["test"]):
        difficulty = DIFFICULTIES[number % len(DIFFICULTIES)]
        prompt = caption(draw_scene(number, difficulty=difficulty))
        named = (phrase for phrase in noun_phrases(prompt) if phrase.split()[-1] in THINGS)
        yield prompt, tuple(named)


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

    - `reused`: the features recorded while drawing
    - `exact`: the last latents noised anew and read with the phrase; the others are held to it
    - `encoded`: the picture encoded again, like any upload, then as `exact`
    - `other_noise`: as `exact` with another seed, which shows how much of a difference is chance
    - `other_picture`: the features recorded while drawing the picture before, which shows how much
      of an agreement is owed to the latents, and not to the features

    The first three are timed on every picture, each picture beginning with another, so that what
    the machine does beside touches all alike. `follow` wraps the prompts, to show how far it is.
    Raises ValueError for so few steps that no features are kept.
    """

    def generated(reuse: bool, noise: int = 0) -> Way:
        return lambda generation, phrases: segmenter.compare_generated(
            generation, phrases, [NETWORK], reuse=reuse, seed=noise
        )[NETWORK]

    ways: dict[str, Way] = {
        "reused": generated(reuse=True),
        "exact": generated(reuse=False),
        "encoded": lambda generation, phrases: segmenter(generation.image, phrases, NETWORK),
    }
    tallies: dict[str, AgreementTally] = defaultdict(AgreementTally)
    things: dict[int, AgreementTally] = defaultdict(AgreementTally)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    before: Generation | None = None
    for number, (prompt, phrases) in enumerate(follow(islice(prompts(), count))):
        generation = generate(
            segmenter.backbone, prompt, steps=steps, guidance=guidance, seed=seed + number
        )
        if not generation.features:
            raise ValueError(
                f"A sampler of {steps} steps visits no timestep from 300 to 499, so there is "
                "nothing to reuse; take more steps."
            )
        if before is None:
            for way in ways.values():  # the first pass of anything is slower
                way(generation, phrases)
        segmentations = {}
        for name in _turned(list(ways), number):
            start = perf_counter()
            segmentations[name] = ways[name](generation, phrases)
            seconds[name].append(perf_counter() - start)
        expected = segmentations.pop("exact")
        segmentations["other_noise"] = generated(reuse=False, noise=1)(generation, phrases)
        if before is not None:
            strange = replace(generation, features=before.features)
            segmentations["other_picture"] = ways["reused"](strange, phrases)
        for name, each in segmentations.items():
            tallies[name].add(each, expected)
        things[len(phrases)].add(segmentations["reused"], expected)
        before = generation
    return Measurement(
        prompts=count,
        agreement={way: tallies[way].result() for way in sorted(tallies)},
        things={named: things[named].result() for named in sorted(things)},
        seconds={way: spread_of(taken) for way, taken in seconds.items()},
        ratio_to_exact=spread_of_ratios(seconds["reused"], seconds["exact"]),
        ratio_to_encoded=spread_of_ratios(seconds["reused"], seconds["encoded"]),
    )


def _turned(ways: list[str], number: int) -> list[str]:
    start = number % len(ways)
    return ways[start:] + ways[:start]
