"""The parts of the benchmark: what each measures, as a result file holds it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from ldznet.backbone import generate
from ldznet.checkpoints.precision import LARGE, choose_dtype
from ldznet.experiments.bench.app import time_app
from ldznet.experiments.bench.arithmetic import matrix_rate, measure_use
from ldznet.experiments.bench.path import (
    Reference,
    build_segmenter,
    largest_difference,
    time_against,
    time_clipseg,
    time_growth,
    time_reuse,
)
from ldznet.experiments.bench.peak_memory import WAYS, measure_peak
from ldznet.experiments.bench.sharing import draw_example, scenes_per_second, time_comparison
from ldznet.experiments.bench.sharing import time_reuse as time_pocket_reuse
from ldznet.experiments.bench.spread import alternate, spread_of
from ldznet.networks import NETWORKS
from ldznet.phrases import noun_phrases
from ldznet.pipeline import Segmenter

PROMPT = "a red ball left of a blue star"
PICTURE_PHRASES = 3  # in pocket's example
WEIGHTS = "random weights of full size"

Result = dict[str, Any]


def measure_pocket(
    turns: int = 20, scenes: int = 200, segmenter: Segmenter | None = None
) -> Result:
    """Pocket: its three networks on one picture, shared work, reused features, drawn scenes."""
    pocket = segmenter or Segmenter.from_pretrained()
    image, phrases = draw_example(PICTURE_PHRASES, pocket.backbone.native_size)
    names = [name for name in NETWORKS if name in pocket.networks]
    one = alternate({"one": lambda: pocket.compare(image, phrases[:1], names)}, turns)["one"]
    comparison = time_comparison(pocket, image, phrases, turns)
    named = noun_phrases(PROMPT)
    reuse = time_pocket_reuse(pocket, generate(pocket.backbone, PROMPT), named, turns)
    return {
        "networks": names,
        "width": image.shape[1],
        "height": image.shape[0],
        "one_phrase": asdict(spread_of(one)),
        "phrases": phrases,
        "comparison": asdict(comparison),
        "reuse": {"phrases": named, **asdict(reuse)},
        "scenes_per_second": scenes_per_second(scenes),
    }


def measure_app() -> Result:
    """The app on pocket, over HTTP; the machine should have nothing else to do."""
    return asdict(time_app())


def measure_full_size() -> Result:
    """LD-ZNet's whole path at full size in float32 and in the processor's best precision.

    Both against the same reference, a turn of each after the other; needs 18 GB of memory.
    """
    best = choose_dtype(torch.device("cpu"), parameters=LARGE)
    reference = Reference()
    result: Result = {
        "weights": WEIGHTS,
        "reference": "diffusers' classes, float32, fused attention",
    }
    for dtype in dict.fromkeys([torch.float32, best]):
        segmenter = build_segmenter(dtype)
        found: Result = {
            "matrix_giga_per_second": matrix_rate(dtype),
            "largest_difference": largest_difference(segmenter, reference),
            "one_phrase": asdict(time_against(segmenter, reference, 1, 3)),
            "four_phrases": asdict(time_against(segmenter, reference, 4, 2)),
            "use": {name: asdict(use) for name, use in measure_use(segmenter, 3).items()},
            "reuse": {name: asdict(each) for name, each in time_reuse(segmenter, 3).items()},
        }
        result[str(dtype).removeprefix("torch.")] = found
        if dtype != best:
            del segmenter  # two of ours and the reference would not fit together
    result["best"] = str(best).removeprefix("torch.")
    reference.write_softmax_out()
    result["written_softmax"] = asdict(time_against(segmenter, reference, 1, 2))
    del reference
    result["clipseg"] = asdict(time_clipseg(segmenter, 3))
    result["growth"] = time_growth(segmenter, (1, 2, 4, 8, 16), (256, 384, 512))
    return result


def measure_memory() -> Result:
    """The highest memory of the plain way and of ours in each precision, at full size, in bytes."""
    peaks = {way: measure_peak(way) for way in WAYS}
    shares = {way: peaks[way] / peaks["reference"] for way in WAYS if way != "reference"}
    return {"weights": WEIGHTS, "peak": peaks, "share_of_reference": shares}


PARTS: dict[str, Callable[[], Result]] = {
    "app": measure_app,
    "pocket": measure_pocket,
    "memory": measure_memory,
    "full_size": measure_full_size,
}


def describe(part: str, result: Result) -> list[str]:
    """What a part found, in lines: every ratio with its least, middle and greatest."""
    return list(_lines(part, result))


def _lines(name: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value.keys() == {"least", "median", "greatest"}:
        least, middle, greatest = (value[key] for key in ("least", "median", "greatest"))
        return [f"{name}: median {middle:.3f} (least {least:.3f}, greatest {greatest:.3f})"]
    if isinstance(value, dict):
        return [line for key, each in value.items() for line in _lines(f"{name} {key}", each)]
    return [f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}"]
