"""Trains the scene checker on drawn scenes of all styles and difficulties."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from ldznet.data.shapes import CATEGORIES, COLOURS, DIFFICULTIES, TRAIN_START, Scene, draw_scene
from ldznet.experiments.checker import CELL, SceneChecker
from ldznet.images import to_pixels
from ldznet.training.loop import TrainConfig, TrainResult, own_share, train

CHECKER_START = TRAIN_START + 60_000_000  # scene numbers no other training saw
OVERLAID_APART = 5_000_000  # scene numbers between a scene and what is laid over it
COVERED = 0.6  # share of a cell from which on it counts as covered
BARE = 0.1  # share up to which it counts as bare; between the two it is not trained on
IGNORE = -100


@dataclass(frozen=True)
class LabelledScenes:
    """Drawn scenes with the category and the colour of each cell."""

    pictures: np.ndarray  # (N, H, W, 3) uint8
    category: np.ndarray  # (N, h, w) int16: 0 none, 1-16, or IGNORE
    colour: np.ndarray  # (N, h, w) int16: 0-8, or IGNORE


def draw_labelled_scenes(count: int, crowded: float = 0.0) -> LabelledScenes:
    """Scenes of all styles, difficulties in turn; this share has things of another laid over."""
    pictures, categories, colours = [], [], []
    for index in tqdm(range(count), "draw scenes for the checker"):
        difficulty = DIFFICULTIES[index % len(DIFFICULTIES)]
        scene = draw_scene(CHECKER_START + index, None, difficulty)
        if index % 100 < 100 * crowded:
            other = draw_scene(CHECKER_START + OVERLAID_APART + index, scene.style, "pair")
            scene = lay_over(scene, other)
        category, colour = label_cells(scene)
        pictures.append(scene.image)
        categories.append(category)
        colours.append(colour)
    return LabelledScenes(np.stack(pictures), np.stack(categories), np.stack(colours))


def lay_over(scene: Scene, other: Scene) -> Scene:
    """The scene with the things of another in front: they touch its own, and half hide some."""
    cover = np.logical_or.reduce([thing.mask for thing in other.objects])
    behind = [replace(thing, mask=thing.mask & ~cover) for thing in scene.objects]
    image = np.where(cover[..., None], other.image, scene.image)
    return replace(scene, image=image, objects=(*behind, *other.objects))


def label_cells(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Category and colour (h, w) int16 of a scene's cells, as in `LabelledScenes`."""
    side = scene.image.shape[0] // CELL
    covered = np.zeros((side, side))
    category = np.zeros((side, side), np.int16)
    colour = np.full((side, side), IGNORE, np.int16)
    for thing in scene.objects:
        share = thing.mask.reshape(side, CELL, side, CELL).mean(axis=(1, 3))
        covered += share
        category[share >= COVERED] = 1 + CATEGORIES.index(thing.category)
        colour[share >= COVERED] = COLOURS.index(thing.colour)
    category[(category == 0) & (covered > BARE)] = IGNORE
    return category, colour


def train_checker(
    checker: SceneChecker,
    scenes: LabelledScenes,
    config: TrainConfig,
    folder: Path,
    log: Callable[[str], None] | None = None,
) -> TrainResult:
    """Train the checker in place; its checkpoints go to `folder`."""
    checker.train().requires_grad_(True)
    result = train("checker", checker, labelled_loss(scenes, config), config, folder, log=log)
    checker.eval().requires_grad_(False)
    return result


def labelled_loss(
    scenes: LabelledScenes, config: TrainConfig
) -> Callable[[nn.Module, int], Tensor]:
    """What `train` needs for a checker: its loss at a step, on a batch seeded by the step.

    Some of the pictures are blurred and all of them slightly noisy.
    """

    def loss(model: nn.Module, step: int) -> Tensor:
        random = np.random.default_rng([config.seed, step])
        chosen = random.integers(len(scenes.pictures), size=config.batch_size)
        pixels = to_pixels(scenes.pictures[chosen])
        # Generated pictures are softer and noisier than drawn ones: the checker must not mind.
        blur = torch.from_numpy(random.random(len(chosen)) < 0.4)
        pixels[blur] = functional.avg_pool2d(
            functional.pad(pixels[blur], (1, 1, 1, 1), mode="replicate"), 3, stride=1
        )
        torch.manual_seed(int(random.integers(2**31)))
        amount = torch.from_numpy(random.random(len(chosen)) * 0.1).float()
        pixels = pixels + amount.view(-1, 1, 1, 1) * torch.randn(pixels.shape)
        device = next(model.parameters()).device
        category, colour = model(pixels[own_share()].to(device))
        return _mean_entropy(category, scenes.category[chosen]) + _mean_entropy(
            colour, scenes.colour[chosen]
        )

    return loss


def _mean_entropy(logits: Tensor, labels: np.ndarray) -> Tensor:
    """Cross-entropy of this process's share; over the processes, the mean over all labelled cells.

    `logits` (own share, classes, h, w), `labels` (B, h, w) of the whole batch.
    """
    own = labels[own_share()]
    target = torch.from_numpy(own).long().to(logits.device)
    mean = functional.cross_entropy(logits.float(), target, ignore_index=IGNORE)
    # Shares are of equally many pictures, but not of equally many labelled cells.
    part = (own != IGNORE).mean() / (labels != IGNORE).mean()
    return mean * float(part)
