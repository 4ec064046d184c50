"""The sets of samples that every trial of the study is judged on; none was ever trained on.

Drawn sets are of the test split, but for "validation", by which learning rates are chosen.
Generated sets are pictures that pocket drew itself, the miniature's counterpart of AI-generated
images, with masks that the checker vouches for: `redrawn_set` keeps the truth of a drawn scene
where things stayed put, `imagined_set` takes the checker's own masks where it is sure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from PIL import Image

from ldznet.backbone import LatentDiffusion
from ldznet.backbone.generation import build_pipeline, embed_prompts, to_bytes
from ldznet.data.shapes import (
    NOVEL_CATEGORY,
    SPLITS,
    STYLES,
    Scene,
    SceneObject,
    ScenePhrase,
    absent_phrases,
    caption,
    draw_scene,
    is_novel,
    names_novelty,
    phrases,
    shows_novelty,
)
from ldznet.experiments.checker import DetectedObject, SceneChecker, detect_objects
from ldznet.experiments.samples import batches, draw_and_detect
from ldznet.metrics import iou
from ldznet.types import Sample

PHOTO = "photo"
VALIDATION = "validation"
UNSEEN = tuple(style for style in STYLES if style != PHOTO)
PHRASES = 2  # of a scene
KINDS = ("category", "colour", "relation", "size", "plural")

GENERATED_START = SPLITS["test"][0] + 50_000  # scene numbers apart from those of the drawn sets
STRENGTH = 0.4  # share of the noise schedule gone back before denoising again
STEPS = 30
GUIDANCE = 4.0
STAYED = 0.6  # IoU of the checker's mask with the drawn one from which a thing stayed put
SURE = 0.9  # confidence from which the checker's own mask counts


def drawn_set(style: str, scenes: int, split: str = "test") -> list[Sample]:
    """Phrases about a split's first scenes in this style that show nothing novel.

    Kinds of phrases take turns.
    """
    samples = []
    for scene in islice(_scenes(style, novel=False, split=split), scenes):
        turn = scene.number % len(KINDS)
        order = [*KINDS[turn:], *KINDS[:turn]]
        chosen = sorted(phrases(scene), key=lambda phrase: order.index(phrase.kind))
        kinds: dict[str, list[ScenePhrase]] = {}
        for phrase in chosen:
            kinds.setdefault(phrase.kind, []).append(phrase)
        random = np.random.default_rng([scene.number, 2])
        for kind in list(kinds)[:PHRASES]:
            one = kinds[kind][int(random.integers(len(kinds[kind])))]
            samples.append(_sample(scene, one.text, one.mask, kind))
    return samples


def novel_set(scenes: int) -> list[Sample]:
    """Phrases that name what no mask showed: the category ("novel category"), or the pairs."""
    samples = []
    for scene in islice(_scenes(PHOTO, novel=True), scenes):
        strange = [thing for thing in scene.objects if is_novel(thing.colour, thing.category)]
        for phrase in phrases(scene):
            if phrase.kind == "category" and phrase.text == NOVEL_CATEGORY:
                samples.append(_sample(scene, phrase.text, phrase.mask, "novel category"))
            elif phrase.kind == "colour" and any(
                phrase.text == f"{thing.colour} {thing.category}"
                and thing.category != NOVEL_CATEGORY
                for thing in strange
            ):
                samples.append(_sample(scene, phrase.text, phrase.mask, "novel pair"))
    return samples


def absent_set(style: str, scenes: int) -> list[Sample]:
    """Phrases that name nothing in the scene, one each; the mask is empty."""
    samples = []
    for scene in islice(_scenes(style, novel=False), scenes):
        texts = [text for text in absent_phrases(scene) if not names_novelty(text)]
        if texts:
            text = texts[int(np.random.default_rng([scene.number, 3]).integers(len(texts)))]
            nothing = np.zeros(scene.image.shape[:2], bool)
            samples.append(_sample(scene, text, nothing, "absent"))
    return samples


def drawn_sets(scenes: int) -> dict[str, list[Sample]]:
    """All drawn sets by name: every style, the novel concepts, and what is absent."""
    return {
        PHOTO: drawn_set(PHOTO, 2 * scenes),
        VALIDATION: drawn_set(PHOTO, 2 * scenes, "val"),
        **{style: drawn_set(style, scenes) for style in UNSEEN},
        "novel": novel_set(scenes),
        "absent": absent_set(PHOTO, scenes),
    }


@dataclass(frozen=True)
class GeneratedSet:
    """Samples, and how far their masks can be trusted."""

    samples: list[Sample]
    kept: float  # share of the pictures in which the checker detects what it should
    truth: float | None  # mean IoU of the checker's masks with drawn ones; None if none is kept


def redrawn_set(backbone: LatentDiffusion, checker: SceneChecker, scenes: int) -> GeneratedSet:
    """Scenes of all styles noised to `STRENGTH` and denoised with their captions.

    A scene is kept where the checker detects every thing in its place, with its category and
    colour, and nothing else. The masks are those the scene was drawn with.
    """
    samples, agreements, kept = [], [], 0
    for part in batches(_familiar(scenes)):
        pictures = _redraw(backbone, part)
        detected = detect_objects(checker, pictures)
        for scene, picture, objects in zip(part, pictures, detected, strict=True):
            overlaps = [_overlap(thing, objects) for thing in scene.objects]
            if len(objects) != len(scene.objects) or min(overlaps) < STAYED:
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

    A picture is kept where the checker is sure of every thing it detects, and those are just what
    the caption names. The masks are the checker's, whose quality is measured on drawn scenes.
    """
    samples, agreements, kept = [], [], 0
    for part, pictures, detected in draw_and_detect(
        backbone, checker, _familiar(scenes), steps=STEPS, guidance=GUIDANCE
    ):
        drawn = np.stack([scene.image for scene in part])
        for scene, objects in zip(part, detect_objects(checker, drawn), strict=True):
            agreements += [_overlap(thing, objects) for thing in scene.objects]
        for scene, picture, objects in zip(part, pictures, detected, strict=True):
            named = sorted((thing.colour, thing.category) for thing in scene.objects)
            there = sorted((thing.colour, thing.category) for thing in objects)
            if there != named or any(thing.confidence < SURE for thing in objects):
                continue
            kept += 1
            samples += _name(picture, objects, f"shapes/imagined/{scene.style}/{scene.number}")
    return GeneratedSet(samples, kept / scenes, float(np.mean(agreements)) if agreements else None)


def _familiar(scenes: int) -> Iterator[Scene]:
    """So many scenes of all styles that show nothing novel."""
    drawn = (draw_scene(number, None, "pair") for number in count(GENERATED_START))
    return islice((scene for scene in drawn if not shows_novelty(scene)), scenes)


def _redraw(backbone: LatentDiffusion, scenes: Sequence[Scene]) -> np.ndarray:
    """(N, H, W, 3) uint8; scene i's noise is seeded by its number."""
    pipeline = StableDiffusionImg2ImgPipeline(**build_pipeline(backbone).components)
    pipeline.vae_scale_factor = backbone.factor
    pipeline.set_progress_bar_config(disable=True)
    pictures = pipeline(
        **embed_prompts(backbone, [caption(scene) for scene in scenes], guidance=GUIDANCE),
        image=[Image.fromarray(scene.image) for scene in scenes],
        strength=STRENGTH,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator().manual_seed(scene.number) for scene in scenes],
        output_type="np",
    ).images
    return to_bytes(pictures)


def _overlap(thing: SceneObject, objects: Iterable[DetectedObject]) -> float:
    """The best IoU of a thing's mask with those of its category and colour; 0 for none."""
    kind = thing.category, thing.colour
    same = [other for other in objects if (other.category, other.colour) == kind]
    return max((iou(thing.mask, other.mask) or 0.0 for other in same), default=0.0)


def _name(picture: np.ndarray, objects: Sequence[DetectedObject], source: str) -> list[Sample]:
    """A phrase for every category, and one for every category and colour."""
    masks: dict[tuple[str, str], np.ndarray] = {}
    for thing in objects:
        for key in (("category", thing.category), ("colour", f"{thing.colour} {thing.category}")):
            masks[key] = masks.get(key, np.zeros(thing.mask.shape, bool)) | thing.mask
    return [Sample(picture, text, mask, source, kind) for (kind, text), mask in masks.items()]


def _scenes(style: str, *, novel: bool, split: str = "test") -> Iterator[Scene]:
    for number in count(SPLITS[split][0]):
        scene = draw_scene(number, style)
        if shows_novelty(scene) == novel:
            yield scene


def _sample(scene: Scene, text: str, mask: np.ndarray, kind: str) -> Sample:
    return Sample(scene.image, text, mask, f"shapes/{scene.style}/{scene.number}", kind)
