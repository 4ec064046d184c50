"""Result files: JSON that says how it was made, written whole or not at all."""

import argparse
import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ldznet.provenance import origin


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
    """The command with every option spelt out; of absolute paths only the last name is told."""
    words = ["python", "-m", "ldznet", arguments.command]
    for name, value in vars(arguments).items():
        if name in ("command", "run") or value is None:
            continue
        values = value if isinstance(value, list | tuple) else [value]
        words += [f"--{name.replace('_', '-')}", *map(_without_folders, values)]
    return shlex.join(words)


def _without_folders(value: object) -> str:
    return Path(str(value)).name if Path(str(value)).is_absolute() else str(value)
