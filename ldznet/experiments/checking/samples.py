"""How often a backbone draws what it is asked for, and whether it always draws the same."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, count, islice

import numpy as np

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.generation import draw_pictures
from ldznet.data.shapes import SPLITS, Scene, caption, draw_scene
from ldznet.experiments.checking.objects import FoundObject, find_objects
from ldznet.experiments.checking.scene_checker import SceneChecker
from ldznet.images import to_pixels

FIRST = SPLITS["test"][0] + 20_000  # scene numbers whose captions are the prompts
DIFFICULTY = {1: "single", 2: "pair"}
BATCH = 20
POOL = 8  # pixels along a side of the cells whose mean colours tell pictures apart

Judgement = tuple[bool, bool, bool]  # what `SampleScore` has the shares of


@dataclass(frozen=True)
class SampleScore:
    """Of the pictures asked for: shares in [0, 1]."""

    pictures: int
    categories: float  # every category asked for is there
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
    """What the checker sees in pictures drawn from held-out captions of a style, and 24 of them.

    The captions are of scenes with this number of things, 1 or 2. The checker never saw pictures
    from the backbone, nor the backbone its judgement. The pictures are the first, not the best.
    """
    scores: list[Judgement] = []
    shown: list[np.ndarray] = []
    for part in _batches(held_out(style, things), prompts):
        pictures = draw_pictures(
            backbone,
            [caption(scene) for scene in part],
            seed=part[0].number,
            steps=steps,
            guidance=guidance,
        )
        scores += _judge(checker, part, pictures)
        shown += list(pictures)
    return _sum_up(scores), np.stack(shown[:24])


def score_drawn(checker: SceneChecker, style: str, things: int, scenes: int) -> dict:
    """The same judgement of drawn scenes: how far the checker can be trusted."""
    scores: list[Judgement] = []
    for part in _batches(held_out(style, things), scenes):
        scores += _judge(checker, part, np.stack([scene.image for scene in part]))
    return _sum_up(scores)


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


def _judge(checker: SceneChecker, scenes: Sequence[Scene], pictures: np.ndarray) -> list[Judgement]:
    """One picture a scene, each against what its scene is of."""
    every = find_objects(checker, to_pixels(pictures))
    return [_compare(scene, found) for scene, found in zip(scenes, every, strict=True)]


def _sum_up(scores: Sequence[Judgement]) -> dict[str, float | int]:
    return asdict(SampleScore(len(scores), *map(float, np.mean(scores, axis=0))))


def _compare(scene: Scene, found: Sequence[FoundObject]) -> Judgement:
    asked = sorted((thing.category, thing.colour) for thing in scene.objects)
    seen = sorted((thing.category, thing.colour) for thing in found)
    categories = _within([each for each, _ in asked], [each for each, _ in seen])
    return categories, _within(asked, seen), asked == seen


def _within(asked: list, seen: list) -> bool:
    """Whether everything asked for was seen, as often as asked."""
    return all(seen.count(each) >= asked.count(each) for each in asked)


def _batches(scenes: Iterator[Scene], total: int) -> Iterator[list[Scene]]:
    chosen = islice(scenes, total)
    while part := list(islice(chosen, BATCH)):
        yield part


def _spread(pictures: np.ndarray) -> float:
    """Mean pairwise distance of pictures (N, H, W, 3)."""
    n, height, width, _ = pictures.shape
    cells = pictures.reshape(n, height // POOL, POOL, width // POOL, POOL, 3).mean(axis=(2, 4))
    return float(np.mean([np.sqrt(((a - b) ** 2).mean()) for a, b in combinations(cells, 2)]))
