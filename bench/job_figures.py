"""What the bench of small jobs found, and what of it is held to a limit."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.measure import percentile
from bench.report import Row

START_P50_LIMIT_MS = 50.0
BESIDE_ARQ = ["beside arq, both by default", "Starling", "arq", "limit", ""]
GUARANTEES = """What a job costs buys different things:

- **Starling** commits the job in PostgreSQL with an event of each change, fences every claim with an \
epoch and a renewed lease, and settles result and job in one transaction; Redis only wakes.
- **arq** writes to Redis alone, so that submitting to it is faster than to any that commits: its jobs are \
as durable as that Redis, and a job whose worker was killed runs again when its key has lapsed, \
twice if the first one was only slow.
- **procrastinate** commits the job in PostgreSQL too; it has no fence against a worker that comes back \
late, and jobs of a killed worker stay "doing" until a task that its user writes retries them."""


@dataclass
class Figures:
    """Of all rounds: jobs a second, and milliseconds from the call that submits to the start."""

    submitted: list[float] = field(default_factory=list)
    batched: list[float] = field(default_factory=list)
    drained: list[float] = field(default_factory=list)
    flowing: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)


def beside_arq(ours: Figures, arq: Figures) -> list[Row]:
    """What both do, with the limits that hold for it met or missed, and who is faster where none does."""
    drained, theirs = statistics.median(ours.drained), statistics.median(arq.drained)
    start = percentile(ours.starts, 0.5)
    rows: list[Row] = [
        [
            "backlog drained",
            f"**{drained:,.0f}/s**",
            f"{theirs:,.0f}/s",
            "no slower",
            _verdict(drained >= theirs),
        ],
        [
            "start p50",
            f"**{start:.1f} ms**",
            f"{percentile(arq.starts, 0.5):.1f} ms",
            f"{START_P50_LIMIT_MS:.0f} ms",
            _verdict(start <= START_P50_LIMIT_MS),
        ],
    ]
    for name, mine, other in (
        ("submitted meanwhile", ours.flowing, arq.flowing),
        ("one submitter", ours.submitted, arq.submitted),
    ):
        is_arq_ahead = statistics.median(other) > statistics.median(mine)
        rows.append([name, median(mine), median(other), "", "arq is faster" if is_arq_ahead else ""])
    return rows


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "missed"


def median(rates: Sequence[float]) -> str:
    """Jobs a second, as a cell."""
    return f"{statistics.median(rates):,.0f}/s" if rates else "-"
