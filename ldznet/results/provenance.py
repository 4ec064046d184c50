"""Where a result comes from: the state of the code and the machine, without names or paths."""

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any


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


def origin(command: str) -> dict[str, Any]:
    """What every result file says of itself: the command, the commit and the machine."""
    return {"command": command, "commit": commit(), "machine": machine()}


def _processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = re.findall(r"^model name\s*:\s*(.+)$", information.read_text(), re.MULTILINE)
        if names:
            return names[0].strip()
    return platform.processor() or platform.machine()
