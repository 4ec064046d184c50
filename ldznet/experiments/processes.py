"""Long jobs side by side, each in a process that computes with one thread."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

_function: Callable[..., Any]  # of this process, where it is one that works


def run_side_by_side(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], workers: int
) -> Generator[Result, None, None]:
    """What `function` returns for each job's arguments, in order; so many jobs at a time.

    Every process has a copy of `function`, which keeps from job to job whatever it holds. All begin
    once the first result is taken. The processes end with this one, however it ends. Raises
    ValueError if `workers` is not positive, and what a job raises when it is that one's turn; the
    jobs that have not begun then never do.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _begin, (function,)) as pool:
        try:
            for work in [pool.submit(_do, job) for job in jobs]:
                yield work.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def side_processes(workers: int, niceness: int = 0) -> Iterator[Callable[..., Future]]:
    """A function that has a process do `function(*arguments)` beside this one, and gives a future.

    The processes end with this one, however it ends, and when the context is left, whatever they
    are at. Each computes with one thread, and gives way to others by its niceness.
    """
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _begin, (_call, niceness))
    processes = pool._processes  # the pool forgets them once it is shut down
    try:
        yield lambda *job: pool.submit(_do, job)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((processes or {}).values()):
            process.kill()


def _call(function: Callable[..., Result], *arguments: Any) -> Result:
    return function(*arguments)


def _begin(function: Callable[..., Any], niceness: int = 0) -> None:
    global _function
    _function = function
    os.nice(niceness)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    import torch  # here, in the process that works: the one that waits may need none of it

    torch.set_num_threads(1)


def _do(job: tuple[Any, ...]) -> Any:
    return _function(*job)


def _end_with_parent() -> None:
    """A parent that is killed has no time to stop its children."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
