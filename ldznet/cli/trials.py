"""`ldznet trials`: what speaks for pocket's recipe, as JSON and as a table."""

import argparse
from pathlib import Path

from ldznet.cli.options import add_result_file
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Train pocket's denoiser in several ways, equally long, in an hour."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet trials`."""
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/pocket"), help="with scenes and both first stages"
    )
    parser.add_argument("--checker", type=Path, default=Path("assets/checker"), help="a folder")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train, judge, write after each; raises ValueError with one sentence."""
    check_result_path(arguments.output)

    # Imported here: it takes seconds, which `--help` and a mistyped option need not wait for.
    from tqdm import tqdm

    from ldznet.experiments.pocket.trials import SEEDS, VARIANTS, run_trials

    trials = {}
    every = run_trials(arguments.runs, arguments.checker, arguments.workers)
    for name, told in tqdm(every, total=len(VARIANTS), disable=None):
        trials[name] = told
        tqdm.write(
            f"{name}: {told['samples']} samples, loss {told['loss']:.4f}, colour "
            f"{100 * told['colour']:.0f} %, thing {100 * told['thing']:.0f} %"
        )
        write_result(arguments.output, arguments, {"seeds": SEEDS, "trials": trials})
    print(f"Written to {arguments.output}")
