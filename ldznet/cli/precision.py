"""`ldznet precision`: whether the networks find the same in a lower precision as in float32."""

import argparse
from dataclasses import asdict

from ldznet.cli.options import add_models, add_result_file, open_segmenter
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Measure how far masks in a lower precision agree with those in float32."
EXACT = "float32"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet precision`."""
    parser.add_argument("--count", type=int, default=50, help="test scenes of each style")
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 1:
        raise ValueError("Measure at least one scene of each style (--count).")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import torch
    from tqdm import tqdm

    from ldznet.experiments.precision import ALL, compare_precisions

    low = open_segmenter(arguments)
    precision = str(low.backbone.dtype).removeprefix("torch.")
    if precision == EXACT:
        raise ValueError(
            "There is nothing to compare with itself: name a lower precision with --precision, "
            "bfloat16 or float16."
        )
    exact = open_segmenter(argparse.Namespace(**{**vars(arguments), "precision": EXACT}))
    found = compare_precisions(
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
            for name, styles in found.items()
        },
    }
    write_result(arguments.output, arguments, result)
    for name, styles in found.items():
        whole = styles[ALL]
        print(
            f"{name}: mean IoU of {precision} with {EXACT} {whole.agreement.mean_iou:.4f} over "
            f"{whole.agreement.phrases} phrases, at least {whole.least_iou:.3f}; with the truth "
            f"{whole.true_iou:.4f}, in {EXACT} {whole.true_iou_float32:.4f}"
        )
    print(f"Written to {arguments.output}")
