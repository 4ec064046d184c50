"""Results as files: lossless masks, overlays, cut-outs, probabilities, figures, raw arrays."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from ldznet.figures.pictures import draw_cutout, draw_overlay
from ldznet.types import Segmentation

PROBABILITIES = "probabilities.npz"
SETTINGS = "settings"  # the name, among raw arrays, of the JSON that says how they were made


def write_network(folder: Path, segmentation: Segmentation) -> dict[str, Any]:
    """Write one network's overlay and a 0/255 mask per phrase (PNG); returns a report on them."""
    overlay = f"{segmentation.network}-overlay.png"
    Image.fromarray(draw_overlay(segmentation.image, segmentation.mask)).save(folder / overlay)
    rows = []
    for number, phrase in enumerate(segmentation.phrases):
        name = _file_stem(segmentation, number) + ".png"
        mask = segmentation.mask[number]
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name)
        rows.append(
            {
                "phrase": phrase,
                "mask": name,
                "score": segmentation.score[number],
                "highest": float(segmentation.probability[number].max()),
                "area": int(mask.sum()),
                "boxes": [asdict(part) for part in segmentation.parts[number]],
            }
        )
    return {"seconds": segmentation.seconds, "overlay": overlay, "phrases": rows}


def write_cut_outs(folder: Path, segmentation: Segmentation) -> None:
    """Write each phrase's part of the picture, transparent elsewhere, as PNG."""
    for number in range(len(segmentation.phrases)):
        cut = draw_cutout(segmentation.image, segmentation.mask[number])
        Image.fromarray(cut).save(folder / f"{_file_stem(segmentation, number)}-cut-out.png")


def write_probabilities(folder: Path, segmentations: Mapping[str, Segmentation]) -> None:
    """Write each network's (P, H, W) float32 probabilities under its name, as NPZ."""
    arrays: dict[str, Any] = {name: each.probability for name, each in segmentations.items()}
    np.savez_compressed(folder / PROBABILITIES, **arrays)


def npz_bytes(arrays: Mapping[str, ArrayLike], settings: Mapping[str, Any]) -> bytes:
    """Arrays as an NPZ file that needs no pickle; the same arrays give the same bytes.

    The settings go in as JSON: `json.loads(str(numpy.load(file)["settings"]))`. Raises ValueError
    for an array named "settings" or one of Python objects.
    """
    if SETTINGS in arrays:
        raise ValueError(f"The name '{SETTINGS}' is kept for the settings; rename that array.")
    named = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in named.items():
        if array.dtype.hasobject:
            raise ValueError(f"The array '{name}' holds Python objects; give numbers or text.")
    text = json.dumps(settings, ensure_ascii=False, allow_nan=False)
    file = io.BytesIO()
    np.savez_compressed(file, **named, **{SETTINGS: np.array(text)})  # type: ignore[arg-type]
    return file.getvalue()


def _file_stem(segmentation: Segmentation, number: int) -> str:
    """A file name that says network, row and phrase, whatever characters the phrase has."""
    slug = re.sub(r"[^a-z0-9]+", "-", segmentation.phrases[number].lower())[:40].strip("-")
    return "-".join(part for part in (segmentation.network, str(number + 1), slug) if part)
