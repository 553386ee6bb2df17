"""What the tests of the promises measured: printed at the end of the run, and kept with `--figures FILE`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

GROUP = re.compile(r"@\w+$")  # `--dist loadgroup` puts a test's group behind its name
ROOM = 3.0  # a busy machine may take so many times the limit; an idle one keeps the limit itself


@dataclass(frozen=True)
class Figure:
    """One measurement. `limit` holds on an idle machine; None is a figure without one."""

    promise: str
    what: str
    value: float
    limit: float | None
    unit: str

    def __str__(self) -> str:
        limit = "" if self.limit is None else f" (limit {self.limit:g}{_space(self.unit)})"
        return f"{self.promise:4} {self.what}: {self.value:.4g}{_space(self.unit)}{limit}"


def _space(unit: str) -> str:
    return f" {unit}" if unit else ""


@dataclass(frozen=True)
class Figures:
    """What one test measures. It is told with the test's reports, which also come from other processes."""

    properties: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def taken(self) -> list[Figure]:
        return [Figure(*parts) for name, parts in self.properties if name == "figure"]

    def within(self, promise: str, what: str, value: float, limit: float, unit: str = "s") -> None:
        """Record it; fails beyond `ROOM` times the limit."""
        self._take(promise, what, value, limit, unit)
        assert value <= ROOM * limit, f"{promise}: {what}: {value:.3f} {unit}, the limit is {limit:g}"

    def exactly(self, promise: str, what: str, value: float, wanted: float) -> None:
        """Record a count that has no room: lost jobs, second effects."""
        self._take(promise, what, value, wanted, "")
        assert value == wanted, f"{promise}: {what}: {value}, not {wanted}"

    def note(self, promise: str, what: str, value: float, unit: str = "") -> None:
        """Record a figure that nothing limits."""
        self._take(promise, what, value, None, unit)

    def seed(self, seed: int) -> None:
        """What repeats the test."""
        self.properties.append(("seed", seed))

    def _take(self, promise: str, what: str, value: float, limit: float | None, unit: str) -> None:
        limit = None if limit is None else float(limit)
        self.properties.append(("figure", [promise, what, float(value), limit, unit]))


@dataclass
class Run:
    """Figures and seeds of a whole run, from the reports of its tests."""

    taken: list[Figure] = field(default_factory=list)
    seeds: dict[str, int] = field(default_factory=dict)

    @classmethod
    def told_by(cls, reports: Iterable[pytest.TestReport]) -> Run:
        """A test has several reports, and the latest tells most; one that was broken off has fewer."""
        told: dict[str, list[tuple[str, Any]]] = {}
        for report in reports:
            told[report.nodeid] = max(told.get(report.nodeid, []), report.user_properties, key=len)
        run = cls()
        for name, properties in told.items():
            test = GROUP.sub("", name)
            run.taken += Figures(properties).taken
            run.seeds.update((test, value) for kind, value in properties if kind == "seed")
        return run

    def lines(self) -> list[str]:
        """What a person reads after the run."""
        seeds = [f"SEED={seed} repeats {test}" for test, seed in sorted(self.seeds.items())]
        return [str(figure) for figure in sorted(self.taken, key=_order)] + seeds

    def write(self, path: Path) -> None:
        path.write_text(
            json.dumps([asdict(figure) for figure in sorted(self.taken, key=_order)], indent=1) + "\n"
        )


def _order(figure: Figure) -> tuple[int, str]:
    return int(figure.promise.lstrip("P") or 0), figure.what


def read(path: Path) -> list[Figure]:
    return [Figure(**each) for each in json.loads(path.read_text())]
