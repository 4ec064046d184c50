"""`ldznet experiment pocket`: the recipe for a processor, or the one for a GPU and a deadline."""

import argparse

from ldznet.experiments.pocket import recipe, timed

SECONDS = 530.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of both recipes."""
    parser.add_argument(
        "--recipe",
        choices=("cpu", "gpu"),
        default="cpu",
        help="cpu: hours, every stage resumable; gpu: all of it within --seconds, in packed files",
    )
    parser.add_argument(
        "--seconds", type=float, help=f"of wall time, for the gpu recipe; by default {SECONDS:.0f}"
    )
    recipe.add_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train pocket; raises ValueError in one sentence."""
    if arguments.recipe == "cpu":
        if arguments.seconds is not None:
            raise ValueError("--seconds is for --recipe gpu; the other takes as long as it takes.")
        recipe.run(arguments)
    else:
        if arguments.continue_from or set(arguments.stages) != {*recipe.STAGES, *recipe.NETWORKS}:
            raise ValueError("--recipe gpu takes neither --stages nor --continue-from.")
        if arguments.output == recipe.ASSETS:
            raise ValueError("--recipe gpu leaves packed files: name a folder for them, --output.")
        if arguments.seconds is None:
            arguments.seconds = SECONDS
        timed.run(arguments)
