"""`ldznet experiment NAME`: whatever measures the package or trains the miniature."""

import argparse
from importlib import import_module
from typing import Any

from ldznet.cli.parser import Parser

SUMMARY = "Run one of the experiments that measure the package or train the miniature."


class _Experiment(Parser):
    """Gets its arguments from the experiment's module once it is chosen, since that takes seconds.

    `module` is its name; it has `add_arguments(parser)` and `run(arguments)`.
    """

    module: str

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        module = import_module(self.module)
        module.add_arguments(self)
        self.set_defaults(run=module.run)
        return super().parse_known_args(args, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A subcommand per experiment; where the experiments are left out, none."""
    try:
        from ldznet.experiments import EXPERIMENTS
    except ModuleNotFoundError:
        return
    names = parser.add_subparsers(
        dest="experiment", required=True, metavar="NAME", parser_class=_Experiment
    )
    for name, experiment in EXPERIMENTS.items():
        command = names.add_parser(name, help=experiment.summary, description=experiment.summary)
        command.module = experiment.module


def run(arguments: argparse.Namespace) -> None:
    """Raises ValueError: only a command line without experiments comes here."""
    raise ValueError("The experiments are not part of this installation; get the whole repository.")
