"""Scenes that pocket is trained on.

Those of the backbone are drawn ahead, in shards on disk: pictures, captions and phrases, no masks.
Those of the networks have masks, and are in photo style only.
"""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count as count_up
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ldznet.data.shapes import (
    DIFFICULTIES,
    TRAIN_START,
    Scene,
    absent_phrases,
    caption,
    draw_scene,
    names_novelty,
    phrases,
    shows_novelty,
)
from ldznet.types import Sample

SHARD = 500  # scenes
MASKS_START = TRAIN_START + 50_000_000  # scene numbers that the backbone never saw
MASKS_APART = 1_000_000  # scene numbers between one choice of scenes and the next
MASK_DIFFICULTIES = ("single", "pair", "full", "full")  # in turn
# How likely each phrase makes its scene have one that names nothing in it, with an empty mask. One
# a scene at most, so 6 % of all phrases.
ABSENT_SHARE = 0.1


@dataclass(frozen=True)
class SceneStore:
    """All drawn scenes of one difficulty."""

    pictures: list[np.ndarray]  # memory maps, (SHARD, 128, 128, 3) uint8 each
    captions: list[str]
    phrases: list[list[str]]  # per scene

    def __len__(self) -> int:
        return len(self.captions)

    def picture(self, index: int) -> np.ndarray:
        """(128, 128, 3) uint8."""
        return self.pictures[index // SHARD][index % SHARD]

    def first(self, count: int) -> np.ndarray:
        """(N, 128, 128, 3) uint8, of so many scenes or all there are."""
        return np.stack([self.picture(index) for index in range(min(count, len(self)))])


def draw_scenes(folder: Path, counts: dict[str, int], workers: int) -> None:
    """Draw `counts[difficulty]` training scenes, styles mixed, skipping shards that exist."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        (folder, difficulty, shard)
        for difficulty, count in counts.items()
        for shard in range(-(-count // SHARD))
        if not _paths(folder, difficulty, shard)[1].exists()
    ]
    with ProcessPoolExecutor(workers) as pool:
        for _ in tqdm(pool.map(_draw_shard, missing), "draw scenes", len(missing)):
            pass


def open_scenes(folder: Path, difficulty: str, count: int) -> SceneStore:
    """The first `count` scenes of one difficulty, rounded up to whole shards.

    Raises ValueError if some are not drawn.
    """
    shards = range(-(-count // SHARD))
    if not all(_paths(folder, difficulty, shard)[1].exists() for shard in shards):
        raise ValueError("Not all scenes are drawn yet; run the stage 'scenes' before.")
    texts = [json.loads(_paths(folder, difficulty, shard)[1].read_text()) for shard in shards]
    return SceneStore(
        pictures=[np.load(_paths(folder, difficulty, shard)[0], mmap_mode="r") for shard in shards],
        captions=[scene["caption"] for text in texts for scene in text],
        phrases=[scene["phrases"] for text in texts for scene in text],
    )


def _paths(folder: Path, difficulty: str, shard: int) -> tuple[Path, Path]:
    stem = f"{difficulty}-{shard:04d}"
    return folder / f"{stem}.npy", folder / f"{stem}.json"


def _numbers(difficulty: str, shard: int) -> Iterable[int]:
    """No number serves two difficulties, so that no layout is seen twice."""
    offset = DIFFICULTIES.index(difficulty) * 10_000_000
    return range(TRAIN_START + offset + shard * SHARD, TRAIN_START + offset + (shard + 1) * SHARD)


def _draw_shard(job: tuple[Path, str, int]) -> None:
    folder, difficulty, shard = job
    pictures_path, texts_path = _paths(folder, difficulty, shard)
    scenes = [draw_scene(number, None, difficulty) for number in _numbers(difficulty, shard)]
    np.save(pictures_path, np.stack([scene.image for scene in scenes]))
    texts = [
        {"caption": caption(scene), "phrases": [phrase.text for phrase in phrases(scene)]}
        for scene in scenes
    ]
    fresh = texts_path.with_suffix(".new")  # the texts come last: a shard counts once they exist
    fresh.write_text(json.dumps(texts))
    fresh.replace(texts_path)


def draw_masked_samples(count: int, seed: int = 0) -> list[Sample]:
    """Each phrase of `count` photo-style scenes with its mask, and some naming absent things.

    Nothing novel is shown or named. Another seed gives other scenes.
    """
    samples = []
    for scene in islice(_familiar_scenes(MASKS_START + seed * MASKS_APART), count):
        source = f"shapes/train/photo/{scene.number}"
        present = [
            Sample(scene.image, phrase.text, phrase.mask, source, phrase.kind)
            for phrase in phrases(scene)
        ]
        absent = [text for text in absent_phrases(scene) if not names_novelty(text)]
        random = np.random.default_rng(scene.number)
        if absent and random.random() < ABSENT_SHARE * len(present):
            text = absent[int(random.integers(len(absent)))]
            nothing = np.zeros(scene.image.shape[:2], bool)
            present.append(Sample(scene.image, text, nothing, source, "absent"))
        samples += present
    return samples


def _familiar_scenes(first: int) -> Iterator[Scene]:
    for number in count_up(first):
        difficulty = MASK_DIFFICULTIES[number % len(MASK_DIFFICULTIES)]
        scene = draw_scene(number, "photo", difficulty)
        if not shows_novelty(scene):
            yield scene
