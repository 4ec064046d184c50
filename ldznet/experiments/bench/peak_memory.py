"""The highest memory of each way, each in a process of its own."""

import torch

from ldznet.experiments.bench.full_size import PHRASES
from ldznet.experiments.bench.path import NETWORK, Reference, build_segmenter, example
from ldznet.experiments.process_memory import highest_memory, measure_process

WAYS = ("reference", "float32", "bfloat16")


def measure_peak(way: str) -> int:
    """Highest resident memory, in bytes, of a process that segments one phrase one of `WAYS`."""
    program = f"from ldznet.experiments.bench.peak_memory import segment; print(segment({way!r}))"
    return measure_process(program)


def segment(way: str) -> int:
    """Highest resident memory so far, in bytes, of this process after segmenting one phrase."""
    if way == "reference":
        Reference()(example(), PHRASES[:1])
    else:
        build_segmenter(getattr(torch, way)).compare(example(), PHRASES[:1], [NETWORK])
    return highest_memory()
