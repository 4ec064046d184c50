"""Several measurements of several ways, taken in turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
