"""CPU and wall time of a piece of work, and ratios that survive a machine whose speed swings.

CPU time is user + system of this process, all its threads, and the children it has waited for. A ratio is the
median over interleaved pairs, never a quotient of two medians.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    cpu: float
    wall: float

    def __truediv__(self, other: Cost) -> Cost:
        return Cost(self.cpu / other.cpu, self.wall / other.wall)


def cost(work: Callable[[], object]) -> Cost:
    """What it takes to do the work once."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    work()
    return Cost(_cpu_seconds() - cpu, time.perf_counter() - wall)


def _cpu_seconds() -> float:
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(one.cpu for one in costs), statistics.median(one.wall for one in costs))


@dataclass(frozen=True)
class Comparison:
    """Medians of both sides, and of the ratios of the pairs."""

    ours: Cost
    theirs: Cost
    ratio: Cost


def compare(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> Comparison:
    """Run the two in turn, `pairs` times each; which one begins changes every time."""
    mine: list[Cost] = []
    others: list[Cost] = []
    for number in range(pairs):
        for work, costs in ((ours, mine), (theirs, others))[:: -1 if number % 2 else 1]:
            costs.append(cost(work))
    ratios = [one / other for one, other in zip(mine, others, strict=True)]
    return Comparison(median(mine), median(others), median(ratios))


def peak_memory_bytes() -> int:
    """The most memory that this process ever held. (`ru_maxrss` would count the parent's at the fork.)"""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - not a file of anybody's
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(kilobytes) * 1024


def percentile(values: Iterable[float], share: float) -> float:
    """The value that such a share of them (0..1) does not exceed; not a number where there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
