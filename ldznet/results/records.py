"""Result files: JSON that says how it was made, written whole or not at all."""

import argparse
import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldznet.results.provenance import origin

_NO_OPTIONS = {"command", "run", "positional"}  # what the parser itself puts beside the options


def check_result_path(path: Path) -> None:
    """Raises ValueError if no file can be written there; asked before the work, not after it."""
    if path.is_dir():
        raise ValueError(f"The output '{path}' is a folder; name a file.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"The folder to hold the output '{path}' does not exist; make it first.")


def write_result(path: Path, arguments: argparse.Namespace, result: Mapping[str, Any]) -> None:
    """Write `result` as JSON, headed by the command, the commit and the machine it came from."""
    head = origin(command_line(arguments))
    text = json.dumps({**head, **result}, indent=2, ensure_ascii=False, allow_nan=False)
    folder = path.absolute().parent
    with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as scratch:
        scratch.write(text + "\n")
    os.chmod(scratch.name, 0o644)  # a scratch file is readable by its owner alone
    os.replace(scratch.name, path)


def command_line(arguments: argparse.Namespace) -> str:
    """The command with every option spelt out; of absolute paths only the last name is told.

    A subcommand names its positional arguments in `set_defaults(positional=...)`.
    """
    given = {name: value for name, value in vars(arguments).items() if name not in _NO_OPTIONS}
    words = ["python", "-m", "ldznet", arguments.command]
    for name in getattr(arguments, "positional", ()):
        words += _listed(given.pop(name))
    for name, value in given.items():
        if value is None or value is False:
            continue
        words += [f"--{name.replace('_', '-')}", *([] if value is True else _listed(value))]
    return shlex.join(words)


def _listed(value: object) -> list[str]:
    return [_without_folders(each) for each in (value if isinstance(value, list) else [value])]


def _without_folders(value: object) -> str:
    return Path(str(value)).name if Path(str(value)).is_absolute() else str(value)
