"""What a session looks into, in the explorer and in the lesson, and what is kept of it.

Another click then runs no model.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from ldznet.blocks import BLOCKS
from ldznet.inspection import (
    DEFAULT_BLOCKS,
    DEFAULT_FEATURE_BLOCK,
    DEFAULT_FUSION_BLOCK,
    DEFAULT_POINT_BLOCK,
    NETWORK,
    Lesson,
    PointMap,
    Subject,
    fusion_point_of,
    run_lesson,
    subject_of_generation,
    subject_of_image,
    to_image,
)
from ldznet.types import Generation
from ldznet.ui.inputs import InputError, complaints_about, read_phrases
from ldznet.ui.models import Loaded
from ldznet.ui.state import Drawing, Picture

# Stride -> the blocks of that stride: the levels of the U-Net, finest first.
LEVELS: dict[int, tuple[int, ...]] = {
    stride: tuple(number for number, block in BLOCKS.items() if block.stride == stride)
    for stride in sorted({block.stride for block in BLOCKS.values()})
}
LESSON_SEED = 0  # of the noise: a class sees the same on every screen


class Question(NamedTuple):
    """What decides every view of the explorer besides the picture, as typed or as read."""

    phrase: str
    timestep: int
    seed: int


class Choices(NamedTuple):
    """What decides single views of the explorer."""

    blocks: tuple[int, ...] = DEFAULT_BLOCKS  # of Words
    common: bool = False  # one colour scale for all words, or each its own
    block: int = DEFAULT_POINT_BLOCK  # whose self-attention a point shows
    fusion_block: int = DEFAULT_FUSION_BLOCK  # whose feature attention a point shows, 6-10
    feature_block: int = DEFAULT_FEATURE_BLOCK  # of the strip over timesteps


@dataclass(frozen=True, eq=False)  # compared by identity: arrays have no single truth
class Inspection:
    """A picture prepared for looking into, the place looked at, and the latest results.

    `results` holds one per kind with the key it was computed for, so it stays bounded.
    """

    picture: Picture
    backbone: str  # that made the subject, and into which every view looks
    subject: Subject
    question: Question
    point: tuple[int, int]  # x, y in pixels of the subject's image
    word: int | None = None  # the word shown large; None: the view's choice
    generation: Generation | None = None  # where the picture was generated here
    results: Mapping[str, tuple[Hashable, Any]] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Inspection":
        """Itself: it never changes, so that sessions that only look share the opening's arrays."""
        return self

    def recall(
        self, kind: str, key: Hashable, compute: Callable[[], Any]
    ) -> tuple["Inspection", Any]:
        """The result kept for this key, else computed; and the session that now keeps it."""
        kept_key, kept = self.results.get(kind, (None, None))
        if kind in self.results and kept_key == key:
            return self, kept
        result = compute()
        return replace(self, results={**self.results, kind: (key, result)}), result

    @property
    def noise(self) -> dict[str, Any]:
        """Timestep and seed, as the functions of `ldznet.inspection` take them."""
        return {"timestep": self.question.timestep, "seed": self.question.seed}

    @property
    def pixel(self) -> tuple[int, int]:
        """The point in pixels of the picture as it was given."""
        height, width = self.picture.image.shape[:2]
        rows, columns = self.subject.image.shape[:2]
        x, y = self.point
        return int((x + 0.5) * width / columns), int((y + 0.5) * height / rows)

    @property
    def visited(self) -> tuple[int, ...]:
        """The timesteps the sampler visited, in its order; none for a picture not drawn here."""
        return tuple(self.subject.trajectory)

    @property
    def step(self) -> int | None:
        """Which of the sampler's steps (1 the first) the timestep is, if any."""
        timestep = self.question.timestep
        return self.visited.index(timestep) + 1 if timestep in self.visited else None


def look_into(loaded: Loaded, picture: Picture, question: Question) -> Inspection:
    """A session about a picture; its image is encoded, nothing else runs."""
    subject = subject_of_image(loaded.segmenter, picture.image)
    point = first_point(picture, question.phrase, subject.image.shape[:2])
    return Inspection(picture, loaded.backbone, subject, question, point)


def look_into_drawing(drawing: Drawing, question: Question) -> Inspection:
    """A session about a picture generated here, with the latents of every step."""
    generation = drawing.generation
    subject = subject_of_generation(generation)
    about = f"generated from “{generation.prompt}”, seed {generation.seed}"
    picture = Picture(generation.image, about)
    point = first_point(picture, question.phrase, subject.image.shape[:2])
    return Inspection(picture, drawing.backbone, subject, question, point, generation=generation)


def first_point(picture: Picture, phrase: str, size: tuple[int, int]) -> tuple[int, int]:
    """Where to look first in an image of `size` (height, width): inside what the phrase names.

    The pixel deepest inside its true mask, where that is known, else the middle.
    """
    height, width = size
    mask = picture.truth.get(phrase)
    if mask is None or not mask.any():
        return width // 2, height // 2
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int((column + 0.5) * width / mask.shape[1]), int((row + 0.5) * height / mask.shape[0])


@dataclass(frozen=True)
class Course:
    """The six steps' arrays for one picture, phrase and timestep, and the point chosen in it."""

    picture: Picture  # at the working size, its truth too
    backbone: str  # that computed all of it
    lesson: Lesson
    noisy_picture: np.ndarray  # (H, W, 3) uint8: what the decoder makes of the noised latents
    mixture: tuple[float, float]  # weights of the latents and of the noise in the noised latents
    znet: np.ndarray | None  # (H, W) float32 in [0, 1]: the answer without the features, if any
    point: tuple[int, int]  # x, y in pixels of the picture

    @property
    def phrase(self) -> str:
        return self.lesson.phrase

    @property
    def truth(self) -> np.ndarray | None:
        """(H, W) bool: the true mask of the phrase, where it is known."""
        return self.picture.truth.get(self.phrase)

    @property
    def ldznet(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]: the answer with the features."""
        return self.lesson.network.probability

    @property
    def fusion(self) -> PointMap:
        """What LD-ZNet read to decide the chosen point; no model runs."""
        return fusion_point_of(self.lesson.network, *self.point, block=DEFAULT_FUSION_BLOCK)

    def at_cell(self, row: int, column: int) -> "Course":
        """The same course at the middle of another cell of the fusion's grid; no model runs."""
        height, width = self.picture.image.shape[:2]
        rows, columns = self.lesson.network.grid_of(DEFAULT_FUSION_BLOCK)
        point = int((column + 0.5) * width / columns), int((row + 0.5) * height / rows)
        return replace(self, point=point)


def start_course(loaded: Loaded, picture: Picture, text: str, timestep: int) -> Course:
    """The course of a picture and a phrase as typed.

    Raises a complaint for a phrase that cannot be used: none, several, or one too long; and where
    the backbone has no weights of LD-ZNet, one that says how to get them.
    """
    phrase, *others = read_phrases(text)
    if others:
        raise InputError("phrases", "The lesson follows one phrase; write it without commas.")
    if NETWORK in loaded.segmenter.missing:
        raise InputError("phrases", loaded.segmenter.missing[NETWORK])
    subject = subject_of_image(loaded.segmenter, picture.image)
    fitted = _fit(picture, subject.image)
    point = first_point(fitted, phrase, subject.image.shape[:2])
    return _run_course(loaded, fitted, subject, phrase, timestep, point)


def change_timestep(loaded: Loaded, course: Course, timestep: int) -> Course:
    """The same course with its latents noised to another timestep, and all that follows.

    By another backbone it begins anew, with complaints as of `start_course`.
    """
    if loaded.backbone != course.backbone:
        return start_course(loaded, course.picture, course.phrase, timestep)
    subject = course.lesson.subject
    return _run_course(loaded, course.picture, subject, course.phrase, timestep, course.point)


@torch.no_grad()
def _run_course(
    loaded: Loaded,
    picture: Picture,
    subject: Subject,
    phrase: str,
    timestep: int,
    point: tuple[int, int],
) -> Course:
    segmenter, backbone = loaded.segmenter, loaded.segmenter.backbone
    with complaints_about("phrases"):
        lesson = run_lesson(segmenter, subject, phrase, timestep=timestep, seed=LESSON_SEED)
    noisy = torch.from_numpy(lesson.noisy)[None].to(backbone.device, backbone.dtype)
    share = float(backbone.scheduler.alphas_cumprod[timestep])
    znet = "znet" in segmenter.networks
    return Course(
        picture=picture,
        backbone=loaded.backbone,
        lesson=lesson,
        noisy_picture=to_image(backbone.decode_latents(noisy)),
        mixture=(share**0.5, (1 - share) ** 0.5),
        znet=segmenter(subject.image, [phrase], "znet").probability[0] if znet else None,
        point=point,
    )


def _fit(picture: Picture, image: np.ndarray) -> Picture:
    """The picture at its working size, its true masks brought to it."""
    if picture.image.shape == image.shape:
        return picture
    height, width = image.shape[:2]

    def resize(mask: np.ndarray) -> np.ndarray:
        grid = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
        return np.asarray(grid)

    truth = {phrase: resize(mask) for phrase, mask in picture.truth.items()}
    return replace(picture, image=image, truth=truth)
