"""`ldznet bench`: speed and memory, of pocket, of the app, and at full size."""

import argparse
from typing import Any

from ldznet.cli.options import add_result_file
from ldznet.results.records import check_result_path, write_result

SUMMARY = "Measure speed and memory against a plain way of doing the same."
PARTS = ("app", "pocket", "memory", "full_size")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet bench`."""
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)}; by default all, in 15 minutes and 18 GB on two cores",
    )
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure part by part, and write after each; raises ValueError with one sentence."""
    check_result_path(arguments.output)

    # Imported here: they take seconds, which `--help` and a mistyped option need not wait for.
    import torch

    from ldznet.experiments.bench import measurement

    able = [name for name, has in torch.cpu.get_capabilities().items() if has is True]
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "instructions": sorted(able)}
    for part in arguments.only or PARTS:
        result[part] = measurement.PARTS[part]()
        print(*measurement.describe(part, result[part]), sep="\n", flush=True)
        write_result(arguments.output, arguments, result)  # what took minutes is not lost
    print(f"Written to {arguments.output}")
