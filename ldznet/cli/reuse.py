"""`ldznet reuse`: how closely reused features give the exact masks, and the time they save."""

import argparse
from dataclasses import asdict

from ldznet.cli.options import add_models, add_result_file, add_sampling, open_segmenter
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Measure what reusing a generation's features keeps and saves."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet reuse`."""
    parser.add_argument("--count", type=int, default=200, help="prompts, of held-out scenes")
    parser.add_argument("--seed", type=int, default=0, help="of the first prompt's picture")
    add_sampling(parser)
    add_models(parser)
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure and write; raises ValueError with one sentence, and then leaves nothing behind."""
    check_result_path(arguments.output)
    if arguments.count < 1:
        raise ValueError("Measure at least one prompt (--count).")

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import torch
    from tqdm import tqdm

    from ldznet.experiments.reuse import NETWORK, measure_reuse

    segmenter = open_segmenter(arguments, [NETWORK])
    measured = measure_reuse(
        segmenter,
        count=arguments.count,
        steps=arguments.steps,
        guidance=arguments.guidance,
        seed=arguments.seed,
        follow=lambda prompts: tqdm(
            prompts, "reuse", arguments.count, unit=" prompts", leave=False, disable=None
        ),
    )
    result = {
        "threads": torch.get_num_threads(),
        "steps": arguments.steps,
        "guidance": arguments.guidance,
        "seed": arguments.seed,
        **asdict(measured),
    }
    write_result(arguments.output, arguments, result)
    for way, agreement in measured.agreement.items():
        print(
            f"{way} against exact: mean IoU {agreement.mean_iou:.3f} over {agreement.phrases} "
            f"phrases, {agreement.mean_iou_found:.3f} without the {agreement.both_empty} that "
            f"neither finds; probabilities differ by {agreement.probability_difference:.4f}"
        )
    print(
        f"time of reused: {measured.ratio_to_exact.median:.2f} of exact, "
        f"{measured.ratio_to_encoded.median:.2f} of encoding the picture (medians)"
    )
    print(f"Written to {arguments.output}")
