"""Speed and memory, of pocket, of the app, and at full size."""

import argparse
from collections.abc import Callable
from typing import Any

import torch

from ldznet.experiments.bench.app import measure_app
from ldznet.experiments.bench.execution import measure_execution
from ldznet.experiments.bench.full_size import measure_full_size, measure_memory
from ldznet.experiments.bench.pocket import measure_pocket
from ldznet.results.options import add_result_file
from ldznet.results.records import check_result_path, command_line, write_result

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "app": measure_app,
    "pocket": measure_pocket,
    "memory": measure_memory,
    "full_size": measure_full_size,
    "execution": measure_execution,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ldznet experiment bench`."""
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        metavar="PART",
        help=f"of {', '.join(PARTS)}; by default all, in 25 minutes and 18 GB on two cores",
    )
    add_result_file(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure part by part, and write after each; raises ValueError with one sentence."""
    check_result_path(arguments.output)
    able = [name for name, has in torch.cpu.get_capabilities().items() if has is True]
    result: dict[str, Any] = {
        "seeds": "0, of weights, pictures and noise",
        "threads": torch.get_num_threads(),
        "instructions": sorted(able),
    }
    for part in arguments.only or PARTS:
        result[part] = PARTS[part]()
        print(*describe(part, result[part]), sep="\n", flush=True)
        # Written at once: what took minutes is not lost.
        write_result(arguments.output, command_line(arguments), result)
    print(f"Written to {arguments.output}")


def describe(name: str, value: Any) -> list[str]:
    """What a part measured, in lines: every ratio with its least, middle and greatest."""
    if isinstance(value, dict) and value.keys() == {"least", "median", "greatest"}:
        least, middle, greatest = (value[key] for key in ("least", "median", "greatest"))
        return [f"{name}: median {middle:.3f} (least {least:.3f}, greatest {greatest:.3f})"]
    if isinstance(value, dict):
        return [line for key, each in value.items() for line in describe(f"{name} {key}", each)]
    return [f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}"]
