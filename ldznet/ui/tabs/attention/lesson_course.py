"""One picture and phrase on their way to a mask: everything the lesson shows of a session."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ldznet.inspection import (
    DEFAULT_FUSION_BLOCK,
    NETWORK,
    PointMap,
    Subject,
    fusion_point_of,
    subject_of_image,
)
from ldznet.inspection.lesson import Lesson, run_lesson
from ldznet.inspection.subject import to_image
from ldznet.ui.inputs import InputError, complaints_about, read_phrases
from ldznet.ui.models import Loaded
from ldznet.ui.state import Picture
from ldznet.ui.tabs.attention.inside import first_point

SEED = 0  # of the noise: a class sees the same on every screen


LATENT_VIEWS = ("All four", "1", "2", "3", "4", "Decoded")


class Look(NamedTuple):
    """The controls that act on what is computed, in the order of their steps."""

    view: str = LATENT_VIEWS[0]
    block: int = 12  # fine enough for shapes, late enough for things
    threshold: float = 0.5


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
    phrase = read_phrase(text)
    if NETWORK in loaded.segmenter.missing:
        raise InputError("phrases", loaded.segmenter.missing[NETWORK])
    subject = subject_of_image(loaded.segmenter, picture.image)
    fitted = _fit(picture, subject.image)
    point = first_point(fitted, phrase, subject.image.shape[:2])
    return _run(loaded, fitted, subject, phrase, timestep, point)


def change_timestep(loaded: Loaded, course: Course, timestep: int) -> Course:
    """The same course with its latents noised to another timestep, and all that follows.

    By another backbone it begins anew, with complaints as of `start_course`.
    """
    if loaded.backbone != course.backbone:
        return start_course(loaded, course.picture, course.phrase, timestep)
    subject = course.lesson.subject
    return _run(loaded, course.picture, subject, course.phrase, timestep, course.point)


def read_phrase(text: str) -> str:
    """The one phrase of a text. Raises a complaint for none, several, or one too long."""
    phrases = read_phrases(text)
    if len(phrases) > 1:
        raise InputError("phrases", "The lesson follows one phrase; write it without commas.")
    return phrases[0]


@torch.no_grad()
def _run(
    loaded: Loaded,
    picture: Picture,
    subject: Subject,
    phrase: str,
    timestep: int,
    point: tuple[int, int],
) -> Course:
    segmenter, backbone = loaded.segmenter, loaded.segmenter.backbone
    with complaints_about("phrases"):
        lesson = run_lesson(segmenter, subject, phrase, timestep=timestep, seed=SEED)
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
