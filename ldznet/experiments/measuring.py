"""The time and the memory of a piece of work: several ways in turns, or in a process of its own."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

Work = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """The least, the middle and the greatest of several measurements."""

    least: float
    median: float
    greatest: float


def alternate(ways: Mapping[str, Work], turns: int, *, warm: bool = True) -> dict[str, list[float]]:
    """Seconds of each way per turn; every turn takes each way once, after one turn to warm up.

    What else the machine does meanwhile touches all ways alike.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + warm):
        for name, way in ways.items():
            seconds = seconds_of(way)
            if turn >= warm:
                taken[name].append(seconds)
    return taken


def seconds_of(work: Work) -> float:
    """How long it takes, once."""
    start = perf_counter()
    work()
    return perf_counter() - start


def spread_of(values: Sequence[float]) -> Spread:
    """Their least, median and greatest."""
    return Spread(min(values), median(values), max(values))


def spread_of_ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """That of the quotients, pair by pair."""
    return spread_of([one / other for one, other in zip(over, under, strict=True)])


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
    status = Path("/proc/self/status")
    if status.exists():  # on Linux the other count begins with what the parent held
        high_water = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if high_water:
            return 1024 * int(high_water[1])
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024  # Linux counts in KiB
