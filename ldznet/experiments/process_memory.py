"""The highest memory of a piece of work, in a process of its own."""

import os
import resource
import subprocess
import sys
from pathlib import Path


def measure_process(program: str) -> int:
    """Bytes: the last word printed by a Python program, which is to print `highest_memory()`."""
    # Read by glibc as the process starts: what is freed goes back at once, so that the highest
    # memory is what was in use, and not what the allocator held on to.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],  # where Python finds this package
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(answer.stdout.split()[-1])


def highest_memory() -> int:
    """Highest resident memory of this process so far, in bytes."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024  # Linux counts in KiB
