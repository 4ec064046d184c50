"""Whether masks in a lower precision are those of float32, on held-out scenes."""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from tqdm import tqdm

from ldznet.data.shapes import STYLES, Shapes
from ldznet.experiments.agreement import Agreement, AgreementTally
from ldznet.metrics import iou
from ldznet.pipeline import Segmenter
from ldznet.results.options import add_models, add_result_file, open_segmenter
from ldznet.results.records import check_result_path, command_line, write_result
from ldznet.types import Sample, Segmentation

ALL = "all"
EXACT = "float32"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment precision`."""
    parser.add_argument("--count", type=int, default=50, help="test scenes of each style")
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 1:
        raise ValueError("Measure at least one scene of each style (--count).")
    low = open_segmenter(arguments)
    precision = str(low.backbone.dtype).removeprefix("torch.")
    if precision == EXACT:
        raise ValueError(
            "There is nothing to compare with itself: name a lower precision with --precision, "
            "bfloat16 or float16."
        )
    exact = open_segmenter(argparse.Namespace(**{**vars(arguments), "precision": EXACT}))
    agreements = compare_precisions(
        exact,
        low,
        count=arguments.count,
        follow=lambda scenes: tqdm(scenes, precision, unit=" scenes", leave=False, disable=None),
    )
    result = {
        "precision": precision,
        "device": low.backbone.device.type,
        "threads": torch.get_num_threads(),
        "scenes_of_each_style": arguments.count,
        "seeds": "test scenes from 0 on; noise 0",
        "networks": {
            name: {style: asdict(each) for style, each in styles.items()}
            for name, styles in agreements.items()
        },
    }
    write_result(arguments.output, command_line(arguments), result)
    for name, styles in agreements.items():
        whole = styles[ALL]
        print(
            f"{name}: mean IoU of {precision} with {EXACT} {whole.agreement.mean_iou:.4f} over "
            f"{whole.agreement.phrases} phrases, at least {whole.least_iou:.3f}; with the truth "
            f"{whole.true_iou:.4f}, in {EXACT} {whole.true_iou_float32:.4f}"
        )
    print(f"Written to {arguments.output}")


@dataclass(frozen=True)
class PrecisionAgreement:
    """One network in a lower precision against itself in float32, over one style or all."""

    agreement: Agreement  # of the masks at 0.5 and of the probabilities
    least_iou: float  # of any phrase's two masks; two empty masks count as 1
    true_iou: float  # mean IoU of the lower precision's masks with the true ones, in [0, 1]
    true_iou_float32: float  # the same in float32


def compare_precisions(
    exact: Segmenter,
    low: Segmenter,
    *,
    count: int,
    follow: Callable[[Iterable], Iterable] = iter,
) -> dict[str, dict[str, PrecisionAgreement]]:
    """Network -> style or "all" -> how far `low` agrees with `exact`, in float32.

    Both segment one phrase in each of the first `count` test scenes of every style. `follow`
    wraps the scenes, to show how far it is.
    """
    totals: defaultdict[tuple[str, str], _Total] = defaultdict(_Total)
    samples = [(style, n) for style in STYLES for n in range(count)]
    scenes = {style: Shapes("test", style, count) for style in STYLES}
    for style, number in follow(samples):
        sample = scenes[style][number]
        segmentations = low.compare(sample.image, [sample.phrase])
        for name, expected in exact.compare(sample.image, [sample.phrase]).items():
            for group in (style, ALL):
                totals[name, group].add(segmentations[name], expected, sample)
    return {
        name: {group: totals[name, group].result() for group in (*STYLES, ALL)}
        for name in dict.fromkeys(name for name, _ in totals)
    }


class _Total:
    """Collects sample by sample what a `PrecisionAgreement` holds."""

    def __init__(self) -> None:
        self.tally = AgreementTally()
        self.true: list[tuple[float, float]] = []  # low, float32

    def add(self, low: Segmentation, exact: Segmentation, sample: Sample) -> None:
        self.tally.add(low, exact)
        self.true.append(
            (iou(low.mask[0], sample.mask) or 0.0, iou(exact.mask[0], sample.mask) or 0.0)
        )

    def result(self) -> PrecisionAgreement:
        low, exact = np.mean(self.true, axis=0)
        overlaps = (1.0 if overlap is None else overlap for overlap in self.tally.overlaps)
        return PrecisionAgreement(self.tally.result(), min(overlaps), float(low), float(exact))
