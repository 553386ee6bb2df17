"""A page of jobs from PostgreSQL, asked of the real API process with and without compiled selections.

python -m bench.stored_pages --jobs 200 --rounds 5 --seconds 5

The API process has the first core to itself; the client and PostgreSQL have the second one. One request at a
time, so that its latency is the sum of what is done for it: the share while a statement ran is that of SQL.
It takes about 3 * rounds * (seconds + 6) seconds.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.engines import Addresses, open_engines
from app.engines.home import Home
from app.settings import Settings
from app.wiring import open_services
from bench import load
from bench.health_probe import ready
from bench.load import Load
from bench.measure import percentile
from bench.page_rows import PAGE
from bench.processes import other_core, processor_seconds
from bench.python_server import Serving, api_process
from bench.report import SERVING, Row, options, publish, table
from bench.stored_jobs import store
from db import sql
from db.migrate import migrate

WARM_SECONDS = 1.0
FLUSH_SECONDS = 1.2  # a session of PostgreSQL that was idle for a second tells its figures with its next end
HEADER = [
    "asked of the API process",
    "CPU a request: API",
    "PostgreSQL",
    "PostgreSQL's share of both",
    "latency p50",
    "p99",
    "while a statement ran",
]


@dataclass(frozen=True)
class Case:
    name: str
    query: str
    compiled: str  # the setting


CASES = (
    Case("the page", PAGE, "yes"),
    Case("the page, not compiled", PAGE, "no"),
    Case("`{ __typename }`", "{ __typename }", "yes"),
)


@dataclass(frozen=True)
class Used:
    """Up to now, in seconds: `statements` is for how long PostgreSQL ran any."""

    api: float
    postgres: float
    statements: float


@dataclass(frozen=True)
class Turn:
    load: Load
    used: Used  # of this turn

    @property
    def postgres_share(self) -> float:
        return self.used.postgres / (self.used.api + self.used.postgres)

    @property
    def statement_share(self) -> float:
        return self.used.statements / (sum(self.load.took) / 1000)


async def compared(addresses: Addresses, folder: Path, jobs: int, rounds: int, seconds: float) -> list[Row]:
    await migrate(addresses.database_url)
    settings = Settings(folder / "work", addresses.database_url, addresses.redis_url)
    turns: dict[Case, list[Turn]] = {case: [] for case in CASES}
    async with open_services(settings) as services:
        await store(jobs, services)
        for _ in range(rounds):
            for case, of_case in turns.items():
                environment = {"STARLING_COMPILED_SELECTIONS": case.compiled}
                async with api_process(addresses, settings.home, **environment) as api:
                    await ready(api.port)
                    of_case.append(await turn(api, case.query, seconds))
    return [row(case.name, of_case) for case, of_case in turns.items()]


async def turn(api: Serving, query: str, seconds: float) -> Turn:
    asked = load.ask(api.port, query)
    load.loaded(api.port, asked, 1, WARM_SECONDS)
    before = await _used(api, query)
    found = load.loaded(api.port, asked, 1, seconds)
    after = await _used(api, query)
    return Turn(
        found,
        Used(after.api - before.api, after.postgres - before.postgres, after.statements - before.statements),
    )


async def _used(api: Serving, query: str) -> Used:
    used = processor_seconds(api.pid)
    sessions = await sql.rows("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    postgres = sum(processor_seconds(session["pid"]) for session in sessions)
    await asyncio.sleep(FLUSH_SECONDS)
    load.ask(api.port, query)
    (figures,) = await sql.rows("SELECT active_time FROM pg_stat_database WHERE datname = current_database()")
    return Used(used, postgres, figures["active_time"] / 1000)


def row(name: str, turns: Sequence[Turn]) -> Row:
    def median(of: Callable[[Turn], float]) -> float:
        return statistics.median(of(one) for one in turns)

    return [
        name,
        f"{1e6 * median(lambda one: one.used.api / one.load.requests):,.0f} us",
        f"{1e6 * median(lambda one: one.used.postgres / one.load.requests):,.0f} us",
        f"{100 * median(lambda one: one.postgres_share):.0f} %",
        f"{median(lambda one: percentile(one.load.took, 0.5)):.2f} ms",
        f"{median(lambda one: percentile(one.load.took, 0.99)):.2f} ms",
        f"**{100 * median(lambda one: one.statement_share):.0f} %**",
    ]


def main() -> None:
    chosen = options(__doc__, jobs=200, rounds=5, seconds=5)
    with (
        other_core(),
        tempfile.TemporaryDirectory(prefix="starling-bench-") as name,
        open_engines(Home(Path(name) / "home")) as engines,
    ):
        rows = asyncio.run(
            compared(engines.addresses, Path(name), chosen.jobs, chosen.rounds, chosen.seconds)
        )
    publish(
        "stored_pages",
        "A page from PostgreSQL",
        f"python -m bench.stored_pages --jobs {chosen.jobs} --rounds {chosen.rounds}"
        f" --seconds {chosen.seconds}",
        f"50 of {chosen.jobs:,} jobs with stages and outputs, from the rows to the socket; medians of"
        f" {chosen.rounds} rounds of {chosen.seconds} s in turns, one request at a time. The last column is"
        " the share of the latency in which PostgreSQL ran a statement; the small query has none, and shows"
        " what the application is around one.",
        table(HEADER, rows),
        packages=(*SERVING, "asyncpg", "tortoise-orm"),
    )


if __name__ == "__main__":
    main()
