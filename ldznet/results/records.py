"""What commands write: result files and folders, whole or not at all, that say how they were made.

Every result file is one JSON object. It begins with the command, the commit of the code and the
machine, without names or paths; then comes the result itself, which says its own seeds.
"""

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

# What the parser itself puts beside the options, and what changes no result.
_NO_OPTIONS = {"command", "experiment", "run", "positional", "debug"}


def check_result_path(path: Path) -> None:
    """Raises ValueError if no file can be written there; called before the work, not after it."""
    if path.is_dir():
        raise ValueError(f"The output '{path}' is a folder; name a file.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"The folder to hold the output '{path}' does not exist; make it first.")


def write_result(path: Path, command: str, result: Mapping[str, Any]) -> str:
    """Write `result` as JSON headed by its origin; returns the text. `command` as it was typed."""
    record = {**origin(command), **result}
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    folder = path.absolute().parent
    with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as scratch:
        scratch.write(text + "\n")
    os.chmod(scratch.name, 0o644)  # a scratch file is readable by its owner alone
    os.replace(scratch.name, path)
    return text


def command_line(arguments: argparse.Namespace) -> str:
    """The command with every option spelt out; of absolute paths only the last name is kept.

    A subcommand names its positional arguments in `set_defaults(positional=...)`.
    """
    options = {name: value for name, value in vars(arguments).items() if name not in _NO_OPTIONS}
    words = ["python", "-m", "ldznet", arguments.command]
    if "experiment" in arguments:
        words.append(arguments.experiment)
    for name in getattr(arguments, "positional", ()):
        words += _listed(options.pop(name))
    for name, value in options.items():
        if value is None or value is False:
            continue
        words += [f"--{name.replace('_', '-')}", *([] if value is True else _listed(value))]
    return shlex.join(words)


def _listed(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [_without_folders(each) for each in values]


def _without_folders(value: object) -> str:
    return Path(str(value)).name if Path(str(value)).is_absolute() else str(value)


def origin(command: str) -> dict[str, Any]:
    """What every result file says of itself: the command, the commit and the machine."""
    return {"command": command, "commit": commit(), "machine": machine()}


@cache  # the code that runs is the code that was imported: a result just written changes nothing
def commit() -> str:
    """The commit of the running code, with "-dirty" if changed since; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    folder = Path(__file__).parent
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return "unknown"
    return answer.stdout.strip() or "unknown"


def machine() -> dict[str, Any]:
    """What decides speed and rounding: processor, cores, accelerator (or None), torch's version."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }


def _processor() -> str:
    """The processor's name where the system knows it, else its architecture."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = re.findall(r"^model name\s*:\s*(.+)$", information.read_text(), re.MULTILINE)
        if names:
            return names[0].strip()
    return platform.processor() or platform.machine()


def check_output_folder(output: Path) -> None:
    """Raises ValueError unless a new or empty folder fits there; called before the work."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"The output '{output}' is a file; name a folder.")
    if output.is_dir() and any(output.iterdir()):
        raise ValueError(f"The output folder '{output}' is not empty; name a new one.")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"The folder to hold the output '{output}' does not exist; make it first.")


@contextmanager
def whole_folder(output: Path) -> Iterator[Path]:
    """A scratch folder that becomes `output` at the end; on failure nothing of it is left."""
    output = output.absolute()
    with tempfile.TemporaryDirectory(prefix=".ldznet-", dir=output.parent) as scratch:
        folder = Path(scratch) / "output"
        folder.mkdir()
        yield folder
        if output.exists():
            output.rmdir()
        folder.rename(output)
