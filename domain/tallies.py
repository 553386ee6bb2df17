"""What a process counts of its work: counters, histograms and levels, kept as plain numbers in memory.

    tallies.add(JOBS_ENDED, "PARTICLE_RENDER", "completed")
    tallies.observe(JOB_SECONDS, 12.5, "PARTICLE_RENDER", "completed")
    tallies.move(OPEN_SOCKETS, 1, "/graphql")

Families are declared beside the code that counts in them (`workers.tallies`, `schema.tallies`,
`app.metrics.families`); how they are shown is `app.metrics`. Counting never raises: a mistake is logged, and
the work goes on. One object a process, in `Services.tallies`; not for several threads at once.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

SUM = "sum"  # in place of a bucket's upper bound: the sum of what was observed
BEYOND = "+Inf"
OTHER = "other"
LONGEST_WORD = 100  # characters
Series = tuple[str, ...]  # the family's name, its labels' values, and for a histogram a bucket or `SUM`

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Family:
    """What is counted: a name in Prometheus' style, one sentence, and what it is told apart by."""

    name: str
    text: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counter(Family):
    """Only ever grows; its name ends with `_total`."""


@dataclass(frozen=True)
class Level(Family):
    """Goes up and down: how many there are now."""


@dataclass(frozen=True)
class Histogram(Family):
    """`buckets` are upper bounds, ascending, without the last (infinity)."""

    buckets: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Tallies:
    def __init__(self) -> None:
        self._counts: defaultdict[Series, float] = defaultdict(float)
        self._levels: defaultdict[Series, float] = defaultdict(float)
        self._words: defaultdict[str, set[str]] = defaultdict(set)
        self._observed: dict[Series, tuple[Histogram, list[float]]] = {}

    def add(self, counter: Counter, *labels: str, amount: float = 1.0) -> None:
        try:
            self._counts[_series(counter, labels)] += amount
        except Exception:
            log.exception("%s was not counted", counter.name)

    def move(self, level: Level, by: float, *labels: str) -> None:
        try:
            self._levels[_series(level, labels)] += by
        except Exception:
            log.exception("%s was not moved", level.name)

    def observe(self, histogram: Histogram, value: float, *labels: str) -> None:
        try:
            series = _series(histogram, labels)
            if series not in self._observed:
                self._observed[series] = (histogram, [0.0] * (len(histogram.buckets) + 2))
            numbers = self._observed[series][1]
            numbers[-1] += value
            numbers[bisect_left(histogram.buckets, value)] += 1
        except Exception:
            log.exception("%s was not observed", histogram.name)

    def known(self, group: str, word: str, most: int = 200) -> str:
        """The word itself while it is among the first `most` of its group and no longer than `LONGEST_WORD`,
        else "other": what clients make up must not become series without end."""
        words = self._words[group]
        if word in words:
            return word
        if len(words) >= most or len(word) > LONGEST_WORD:
            return OTHER
        words.add(word)
        return word

    def totals(self) -> dict[Series, float]:
        """Every counter, and every bucket that is not empty; buckets hold what is in them alone."""
        found = dict(self._counts)
        for series, (histogram, numbers) in self._observed.items():
            bounds = (*map(str, histogram.buckets), BEYOND, SUM)
            found.update({(*series, bound): n for bound, n in zip(bounds, numbers, strict=True) if n})
        return found

    def levels(self) -> dict[Series, float]:
        return dict(self._levels)

    def clear(self) -> None:
        """Begin the counters at nothing again; levels stay."""
        self._counts.clear()
        self._observed.clear()


def packed(numbers: Mapping[Series, float]) -> str:
    """JSON text of series, for a row: {"[name, label, ...]": number}."""
    return orjson.dumps({orjson.dumps(series).decode(): value for series, value in numbers.items()}).decode()


def unpacked(numbers: Mapping[str, float]) -> dict[Series, float]:
    return {tuple(orjson.loads(series)): float(value) for series, value in numbers.items()}


def _series(family: Family, labels: tuple[str, ...]) -> Series:
    if len(labels) != len(family.labels):
        raise ValueError(f"{family.name} is told apart by {family.labels}, not by {labels!r}")
    return (family.name, *labels)
