"""What the tests of the promises measured: printed at the end of the run, and kept with `--figures FILE`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

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


@dataclass
class Figures:
    """Figures and seeds of one test run."""

    taken: list[Figure] = field(default_factory=list)
    seeds: dict[str, int] = field(default_factory=dict)

    def within(self, promise: str, what: str, value: float, limit: float, unit: str = "s") -> None:
        """Record it; fails beyond `ROOM` times the limit."""
        self.taken.append(Figure(promise, what, value, limit, unit))
        assert value <= ROOM * limit, f"{promise}: {what}: {value:.3f} {unit}, the limit is {limit:g}"

    def exactly(self, promise: str, what: str, value: float, wanted: float) -> None:
        """Record a count that has no room: lost jobs, second effects."""
        self.taken.append(Figure(promise, what, value, wanted, ""))
        assert value == wanted, f"{promise}: {what}: {value}, not {wanted}"

    def note(self, promise: str, what: str, value: float, unit: str = "") -> None:
        """Record a figure that nothing limits."""
        self.taken.append(Figure(promise, what, value, None, unit))

    def lines(self) -> list[str]:
        """What a person reads after the run."""
        seeds = [f"SEED={seed} repeats {test}" for test, seed in self.seeds.items()]
        return [str(figure) for figure in sorted(self.taken, key=_order)] + seeds

    def write(self, path: Path) -> None:
        path.write_text(
            json.dumps([asdict(figure) for figure in sorted(self.taken, key=_order)], indent=1) + "\n"
        )


def _order(figure: Figure) -> tuple[int, str]:
    return int(figure.promise.lstrip("P") or 0), figure.what


def read(path: Path) -> list[Figure]:
    return [Figure(**each) for each in json.loads(path.read_text())]
