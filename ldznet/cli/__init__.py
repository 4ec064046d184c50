"""The command line: one module per subcommand, one sentence on stderr for any failure."""

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from ldznet.cli import convert, evaluate, experiment, generate, inspect, segment
from ldznet.cli.parser import Parser

# A subcommand is a module with `SUMMARY`, `add_arguments(parser)` and `run(arguments)`.
COMMANDS = {
    "segment": segment,
    "generate": generate,
    "inspect": inspect,
    "convert": convert,
    "evaluate": evaluate,
    "experiment": experiment,
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of `python -m ldznet` with every subcommand."""
    parser = Parser(prog="ldznet", description="Text-based segmentation with LD-ZNet.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status is 0, or 1 on failure, 2 on misuse, 130 on Ctrl-C."""
    _hush_libraries()
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        return _complain("stopped", 130)
    except Exception as error:
        if "debug" in arguments:
            traceback.print_exc()
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        return _complain(f"{kind}{error}", 1)
    return 0


def _complain(message: str, status: int) -> int:
    print("ldznet:", " ".join(message.split()), file=sys.stderr)
    return status


def _hush_libraries() -> None:
    """Keep stderr for our one sentence; read by the libraries when they are first imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    warnings.simplefilter("ignore")
