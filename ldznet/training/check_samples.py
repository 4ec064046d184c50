"""Counts how often pocket draws the colours and the number of things it is asked for.

`python -m ldznet.training.check_samples` asks for one or two things on a plain background, where
saturated pixels are things and the rest is not, and looks at their connected parts. The same look
at drawn scenes, whose truth is known, tells how far it can be trusted. Shapes are not judged.
"""

import json
from collections.abc import Sequence
from itertools import product

import numpy as np
from PIL import Image
from scipy import ndimage

from ldznet.backbone.generation import draw_pictures
from ldznet.backbone.ldm import LatentDiffusion
from ldznet.data.shapes import CATEGORIES, draw_scene
from ldznet.data.shapes.palette import PAINTS
from ldznet.provenance import origin
from ldznet.training.pocket import ASSETS

COLOURS = tuple(colour for colour in PAINTS if colour != "white")  # white is not saturated
# Parts of these keep a colour of their own: leaves, stems, trunks and sails.
THINGS = tuple(set(CATEGORIES) - {"flower", "tree", "mushroom", "boat", "umbrella", "house", "car"})
SATURATION = 70  # of 255, between the strongest and the weakest channel
SMALLEST = 60  # pixels of a part; less is texture
STYLES = {"photo": "a photo of", "flat": "a flat drawing of"}
PER_COUNT = 48  # prompts for one thing, and as many for two
RESULT = ASSETS / "benchmarks" / "samples.json"
SHEET = ASSETS / "benchmarks" / "samples.png"


def find_colours(picture: np.ndarray) -> list[str]:
    """The colour of every saturated part of a picture (H, W, 3) uint8, sorted by name."""
    values = picture.astype(np.int16)
    saturated = values.max(axis=-1) - values.min(axis=-1) > SATURATION
    labels, count = ndimage.label(ndimage.binary_closing(saturated, iterations=2))
    parts = [labels == number for number in range(1, count + 1)]
    return sorted(_nearest(values[part & saturated]) for part in parts if part.sum() >= SMALLEST)


def _nearest(pixels: np.ndarray) -> str:
    """The paint whose hue is nearest to the median pixel's; brightness does not count."""
    median = np.median(pixels, axis=0)

    def direction(rgb: np.ndarray) -> np.ndarray:
        centred = rgb - rgb.mean()
        return centred / np.linalg.norm(centred)

    return max(
        COLOURS, key=lambda name: direction(np.array(PAINTS[name], float)) @ direction(median)
    )


def check_drawn_scenes(count: int = 200) -> dict[str, float]:
    """How often the look is right about drawn scenes of these things, none touching another."""
    right: list[bool] = []
    number = 0
    while len(right) < count:
        number += 1
        style = list(STYLES)[number % 2]
        scene = draw_scene(number, style, "pair")
        things = scene.objects
        plain = scene.background == "plain"
        allowed = all(thing.category in THINGS and thing.colour in COLOURS for thing in things)
        joined = np.any([ndimage.binary_dilation(t.mask, iterations=3) for t in things], axis=0)
        if plain and allowed and ndimage.label(joined)[1] == len(things):
            right.append(find_colours(scene.image) == sorted(thing.colour for thing in things))
    return {"scenes": count, "right": float(np.mean(right))}


def ask(count: int, seed: int) -> list[tuple[str, list[str]]]:
    """Prompts for one or two things and the colours they name."""
    random = np.random.default_rng([seed, count])
    pairs = list(product(COLOURS, sorted(THINGS)))
    asked = []
    for number in range(PER_COUNT):
        chosen = [pairs[index] for index in random.choice(len(pairs), size=count, replace=False)]
        named = [
            f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {thing}" for colour, thing in chosen
        ]
        style = list(STYLES.values())[number % 2]
        prompt = f"{style} {' and '.join(named)} on a plain background"
        asked.append((prompt, sorted(colour for colour, _ in chosen)))
    return asked


def check_samples(backbone: LatentDiffusion, counts: Sequence[int] = (1, 2), seed: int = 0) -> dict:
    """Shares of pictures with the colours and the number asked for; writes a sheet of them all."""
    shares, shown = {}, []
    for count in counts:
        asked = ask(count, seed)
        pictures = draw_pictures(backbone, [prompt for prompt, _ in asked], seed=seed)
        found = [find_colours(picture) for picture in pictures]
        pairs = list(zip(found, (colours for _, colours in asked), strict=True))
        shares[f"{count} asked"] = {
            "pictures": len(asked),
            "number_right": float(np.mean([len(has) == len(wants) for has, wants in pairs])),
            "colours_right": float(np.mean([set(has) >= set(wants) for has, wants in pairs])),
            "both_right": float(np.mean([has == wants for has, wants in pairs])),
        }
        shown.append(pictures[:24])
    rows = [np.hstack(list(part[i : i + 12])) for part in shown for i in (0, 12)]
    SHEET.parent.mkdir(exist_ok=True)
    Image.fromarray(np.vstack(rows)).save(SHEET)
    return shares


if __name__ == "__main__":
    result = {
        **origin("python -m ldznet.training.check_samples"),
        "look_on_drawn_scenes": check_drawn_scenes(),
        "samples": check_samples(LatentDiffusion.from_pretrained(ASSETS / "pocket")),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
