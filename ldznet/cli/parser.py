"""The parser of the command line and of each of its subcommands."""

import argparse
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, where argparse prints its usage first; knows `--debug`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Absent unless given, so that one subcommand's silence does not undo another's word.
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the traceback of a failure",
        )

    def error(self, message: str) -> NoReturn:
        """Exit with one line."""
        self.exit(2, f"ldznet: {message} (see --help)\n")
