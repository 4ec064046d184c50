"""Long jobs side by side, each in a process that computes with one thread."""

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_side_by_side(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], workers: int
) -> Generator[Result, None, None]:
    """What `function` returns for each job's arguments, in order; so many jobs at a time.

    All begin once the first result is asked for. Raises ValueError if `workers` is not positive,
    and what a job raises when it is that one's turn; the jobs that have not begun then never do.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _compute_with_one_thread) as pool:
        try:
            for work in [pool.submit(function, *job) for job in jobs]:
                yield work.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _compute_with_one_thread() -> None:
    # Imported here, in the process that works: the one that waits needs none of it.
    import torch

    torch.set_num_threads(1)
