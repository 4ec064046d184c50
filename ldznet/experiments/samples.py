"""How often a backbone draws what its prompts name, and whether it always draws the same."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, count, islice
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.generation import draw_pictures
from ldznet.data.shapes import SPLITS, STYLES, Scene, caption, draw_scene
from ldznet.experiments.checker import DetectedObject, SceneChecker, detect_objects, load_checker
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result

THINGS = (1, 2)
FIRST = SPLITS["test"][0] + 20_000  # scene numbers whose captions are the prompts
DIFFICULTY = {1: "single", 2: "pair"}
BATCH = 20  # scenes
POOL = 8  # pixels along a side of the cells whose mean colours tell pictures apart

Judgement = tuple[bool, bool, bool]  # what `SampleScore` has the shares of
# A batch of scenes, the pictures drawn from their captions, and what the checker detects in each.
Drawn = tuple[list[Scene], np.ndarray, list[list[DetectedObject]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment samples`."""
    parser.add_argument("--count", type=int, default=400, help="prompts of each style")
    parser.add_argument("--steps", type=int, default=30, help="of the sampler")
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--backbone", type=Path, default=Path("assets/pocket"), help="a folder")
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--sheet", type=Path, help="a PNG: the first pictures of every style")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Draw, judge, write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 2:
        raise ValueError(f"Ask for at least 2 prompts of each style; got {arguments.count}.")
    checker = load_checker(arguments.checker)
    backbone = LatentDiffusion.from_pretrained(arguments.backbone)
    sampler = {"steps": arguments.steps, "guidance": arguments.guidance}
    share = arguments.count // len(THINGS)
    drawn: dict[str, dict] = {}
    generated: dict[str, dict] = {}
    rows = []
    for style in tqdm(STYLES, disable=None):
        drawn[style] = {str(n): score_drawn(checker, style, n, share) for n in THINGS}
        generated[style] = {}
        for things in THINGS:
            score, first = score_samples(backbone, checker, style, things, share, **sampler)
            generated[style][str(things)] = score
            rows.append(np.hstack(list(first[:12])))
            tqdm.write(
                f"{style}, {things} asked: categories {100 * score['categories']:.0f} %, with "
                f"colours {100 * score['objects']:.0f} %, exactly {100 * score['exactly']:.0f} %"
            )
    if arguments.sheet:
        Image.fromarray(np.vstack(rows)).save(arguments.sheet)
    result = {
        "seeds": f"test scenes from {FIRST} on; noise by the number of a batch's first",
        "generated": generated,
        "drawn": drawn,
        "diversity": diversity(backbone, prompts=8, copies=8, **sampler),
    }
    write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")


@dataclass(frozen=True)
class SampleScore:
    """Of the pictures drawn: shares in [0, 1]."""

    pictures: int
    categories: float  # every category of the prompt is there
    objects: float  # every thing is there in its category and colour
    exactly: float  # and nothing else


def score_samples(
    backbone: LatentDiffusion,
    checker: SceneChecker,
    style: str,
    things: int,
    prompts: int,
    *,
    steps: int,
    guidance: float,
) -> tuple[dict[str, float | int], np.ndarray]:
    """What the checker detects in pictures drawn from held-out captions of a style, and 24 of them.

    The captions are of scenes with this number of things, 1 or 2. The checker never saw pictures
    from the backbone, nor the backbone its judgement. The pictures are the first, not the best.
    """
    scores: list[Judgement] = []
    first: list[np.ndarray] = []
    scenes = islice(held_out(style, things), prompts)
    for part, pictures, objects in draw_and_detect(
        backbone, checker, scenes, steps=steps, guidance=guidance
    ):
        scores += map(_judge, part, objects)
        first += list(pictures[: 24 - len(first)])
    return _sum_up(scores), np.stack(first)


def score_drawn(checker: SceneChecker, style: str, things: int, scenes: int) -> dict:
    """The same judgement of drawn scenes: how far the checker can be trusted."""
    scores: list[Judgement] = []
    for part in batches(islice(held_out(style, things), scenes)):
        pictures = np.stack([scene.image for scene in part])
        scores += map(_judge, part, detect_objects(checker, pictures))
    return _sum_up(scores)


def draw_and_detect(
    backbone: LatentDiffusion,
    checker: SceneChecker,
    scenes: Iterable[Scene],
    *,
    steps: int,
    guidance: float = 4.0,
) -> Iterator[Drawn]:
    """Pictures (N, H, W, 3) uint8 from the scenes' captions, batch by batch, with what is in them.

    A batch's noise is seeded by its first scene's number.
    """
    for part in batches(scenes):
        captions = [caption(scene) for scene in part]
        pictures = draw_pictures(
            backbone, captions, seed=part[0].number, steps=steps, guidance=guidance
        )
        yield part, pictures, detect_objects(checker, pictures)


def batches(scenes: Iterable[Scene]) -> Iterator[list[Scene]]:
    """The scenes in order, `BATCH` at a time."""
    remaining = iter(scenes)
    while part := list(islice(remaining, BATCH)):
        yield part


def held_out(style: str, things: int) -> Iterator[Scene]:
    """Scenes of the test split with so many things, in order, no two alike.

    Two things of one category and colour that touch look like one to the checker.
    """
    scenes = (draw_scene(number, style, DIFFICULTY[things]) for number in count(FIRST))
    return (
        scene
        for scene in scenes
        if len(scene.objects) == things
        and len({(thing.category, thing.colour) for thing in scene.objects}) == things
    )


def diversity(
    backbone: LatentDiffusion, prompts: int, copies: int, *, steps: int, guidance: float
) -> float:
    """Mean distance of pictures of one prompt over that of drawn scenes much like it.

    Near 1: as various as the world. Near 0: always the same picture. The distance is the root mean
    square between the mean colours of cells of `POOL` pixels; the drawn scenes agree with the
    prompt's in style, colour and background.
    """
    generated, drawn = [], []
    for scene in islice(held_out("photo", 1), prompts):
        pictures = draw_pictures(
            backbone, [caption(scene)] * copies, seed=scene.number, steps=steps, guidance=guidance
        )
        generated.append(_spread(pictures))
        thing = scene.objects[0]
        alike = (
            other.image
            for other in held_out("photo", 1)
            if (other.objects[0].colour, other.background) == (thing.colour, scene.background)
        )
        drawn.append(_spread(np.stack(list(islice(alike, copies)))))
    return float(np.mean(generated) / np.mean(drawn))


def _judge(scene: Scene, objects: Sequence[DetectedObject]) -> Judgement:
    """Of one picture, against its scene."""
    named = sorted((thing.category, thing.colour) for thing in scene.objects)
    detected = sorted((thing.category, thing.colour) for thing in objects)
    categories = _within([each for each, _ in named], [each for each, _ in detected])
    return categories, _within(named, detected), named == detected


def _within(named: list, detected: list) -> bool:
    """Whether everything named is there, as often as it was named."""
    return all(detected.count(each) >= named.count(each) for each in named)


def _sum_up(scores: Sequence[Judgement]) -> dict[str, float | int]:
    return asdict(SampleScore(len(scores), *map(float, np.mean(scores, axis=0))))


def _spread(pictures: np.ndarray) -> float:
    """Mean pairwise distance of pictures (N, H, W, 3)."""
    n, height, width, _ = pictures.shape
    cells = pictures.reshape(n, height // POOL, POOL, width // POOL, POOL, 3).mean(axis=(2, 4))
    return float(np.mean([np.sqrt(((a - b) ** 2).mean()) for a, b in combinations(cells, 2)]))
