"""The highest memory of each way, each in a process of its own."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import torch

from ldznet.bench.full_size import PHRASES
from ldznet.bench.path import NETWORK, Reference, build_segmenter, example

WAYS = ("reference", "float32", "bfloat16")


def measure_peak(way: str) -> int:
    """Highest resident memory, in bytes, of a process that segments one phrase one of `WAYS`."""
    program = f"from ldznet.bench.peak_memory import segment; print(segment({way!r}))"
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


def segment(way: str) -> int:
    """Highest resident memory so far, in bytes, of this process after segmenting one phrase."""
    if way == "reference":
        Reference()(example(), PHRASES[:1])
    else:
        build_segmenter(getattr(torch, way)).compare(example(), PHRASES[:1], [NETWORK])
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024  # Linux counts in KiB
