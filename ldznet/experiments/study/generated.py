"""Pictures that pocket drew itself, with masks that the checker vouches for.

The miniature's counterpart of AI-generated images: `redrawn_set` keeps the truth of a drawn scene
where things stayed put, `imagined_set` takes the checker's own masks where it is sure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import torch
from PIL import Image

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.generation import build_pipeline, draw_pictures, to_bytes
from ldznet.data.shapes import (
    SPLITS,
    Scene,
    SceneObject,
    caption,
    draw_scene,
    phrases,
    shows_novelty,
)
from ldznet.experiments.checking import FoundObject, SceneChecker, find_objects
from ldznet.images import to_pixels
from ldznet.metrics import iou
from ldznet.types import Sample

FIRST = SPLITS["test"][0] + 50_000  # scene numbers apart from those of the drawn sets
STRENGTH = 0.4  # share of the noise schedule gone back before denoising again
STEPS = 30
GUIDANCE = 4.0
BATCH = 20
STAYED = 0.6  # IoU of the checker's mask with the drawn one from which a thing stayed put
SURE = 0.9  # confidence from which the checker's own mask counts


@dataclass(frozen=True)
class GeneratedSet:
    """Samples, and how far their masks can be trusted."""

    samples: list[Sample]
    kept: float  # share of the pictures in which the checker saw what it should
    truth: float | None  # mean IoU of the checker's masks with drawn ones; None if none is kept


def redrawn_set(backbone: LatentDiffusion, checker: SceneChecker, scenes: int) -> GeneratedSet:
    """Scenes of all styles noised to `STRENGTH` and denoised with their captions.

    A scene is kept where the checker finds every thing in its place, with its category and colour,
    and nothing else. The masks are those the scene was drawn with.
    """
    samples, agreements, kept = [], [], 0
    for part in _familiar(scenes):
        pictures = _redraw(backbone, part)
        for scene, picture, found in zip(part, pictures, _look(checker, pictures), strict=True):
            overlaps = [_overlap(thing, found) for thing in scene.objects]
            if len(found) != len(scene.objects) or min(overlaps) < STAYED:
                continue
            kept += 1
            agreements += overlaps
            source = f"shapes/redrawn/{scene.style}/{scene.number}"
            samples += [
                Sample(picture, phrase.text, phrase.mask, source, phrase.kind)
                for phrase in phrases(scene)[:2]
            ]
    return GeneratedSet(samples, kept / scenes, float(np.mean(agreements)) if agreements else None)


def imagined_set(backbone: LatentDiffusion, checker: SceneChecker, scenes: int) -> GeneratedSet:
    """Pictures drawn from the captions of scenes that nobody drew.

    A picture is kept where the checker is sure of every thing it sees, and sees just what the
    caption names. The masks are the checker's, whose quality is measured on drawn scenes.
    """
    samples, agreements, kept = [], [], 0
    for part in _familiar(scenes):
        captions = [caption(scene) for scene in part]
        pictures = draw_pictures(
            backbone, captions, seed=part[0].number, steps=STEPS, guidance=GUIDANCE
        )
        drawn = np.stack([scene.image for scene in part])
        for scene, found in zip(part, _look(checker, drawn), strict=True):
            agreements += [_overlap(thing, found) for thing in scene.objects]
        for scene, picture, found in zip(part, pictures, _look(checker, pictures), strict=True):
            asked = sorted((thing.colour, thing.category) for thing in scene.objects)
            seen = sorted((thing.colour, thing.category) for thing in found)
            if seen != asked or any(thing.confidence < SURE for thing in found):
                continue
            kept += 1
            samples += _name(picture, found, f"shapes/imagined/{scene.style}/{scene.number}")
    return GeneratedSet(samples, kept / scenes, float(np.mean(agreements)) if agreements else None)


def _familiar(scenes: int) -> Iterator[list[Scene]]:
    """So many scenes of all styles that show nothing novel, in batches."""
    drawn = (draw_scene(number, None, "pair") for number in count(FIRST))
    familiar = islice((scene for scene in drawn if not shows_novelty(scene)), scenes)
    while part := list(islice(familiar, BATCH)):
        yield part


def _redraw(backbone: LatentDiffusion, scenes: Sequence[Scene]) -> np.ndarray:
    """(N, H, W, 3) uint8; scene i's noise is seeded by its number."""
    # Imported here: it takes seconds that whoever only judges drawn scenes need not wait for.
    from diffusers import StableDiffusionImg2ImgPipeline

    pipeline = StableDiffusionImg2ImgPipeline(**build_pipeline(backbone).components)
    pipeline.vae_scale_factor = backbone.factor
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(
        [caption(scene) for scene in scenes],
        image=[Image.fromarray(scene.image) for scene in scenes],
        strength=STRENGTH,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator().manual_seed(scene.number) for scene in scenes],
        output_type="np",
    ).images
    return to_bytes(pictures)


def _look(checker: SceneChecker, pictures: np.ndarray) -> list[list[FoundObject]]:
    return find_objects(checker, to_pixels(pictures))


def _overlap(thing: SceneObject, found: Iterable[FoundObject]) -> float:
    """The best IoU of a thing's mask with what was found of its category and colour; 0 for none."""
    wanted = thing.category, thing.colour
    same = [other for other in found if (other.category, other.colour) == wanted]
    return max((iou(thing.mask, other.mask) or 0.0 for other in same), default=0.0)


def _name(picture: np.ndarray, found: Sequence[FoundObject], source: str) -> list[Sample]:
    """A phrase for every category, and one for every category and colour."""
    masks: dict[tuple[str, str], np.ndarray] = {}
    for thing in found:
        for key in (("category", thing.category), ("colour", f"{thing.colour} {thing.category}")):
            masks[key] = masks.get(key, np.zeros(thing.mask.shape, bool)) | thing.mask
    return [Sample(picture, text, mask, source, kind) for (kind, text), mask in masks.items()]
