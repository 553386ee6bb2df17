"""Small jobs: how many a second, and how soon one starts, beside plain arq and procrastinate.

python -m bench.jobs --jobs 2000 --rounds 3 --starts 60

The jobs do nothing. Every system has one worker process and one submitting process, its own defaults, and
the same servers: the embedded PostgreSQL (fsync on) and the embedded Redis. They take turns, round by round.
A start is dated inside the job. Drained means from the first start to the last of a backlog.

Two limits hold for our defaults beside arq's: a backlog is drained no slower, and half the starts come within
50 ms. What it costs to submit has no limit: arq writes to Redis alone.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.engines import Addresses, Home, open_engines
from bench import job_systems
from bench.job_figures import BESIDE_ARQ, GUARANTEES, Figures, beside_arq, median
from bench.job_systems import RECORD, Submitter
from bench.measure import percentile
from bench.report import Row, options, publish, table
from db.migrate import migrate

ROOT = Path(__file__).resolve().parent.parent
BATCH = 100
MOST_SECONDS = 120.0
OURS, ARQ = "Starling, 2 slots (default)", "arq, 10 at a time (default)"
Open = Callable[[str, str, Path], AbstractAsyncContextManager[Submitter]]


@dataclass
class System:
    """One line of the table. `width` is how many jobs its worker runs at a time, 0 for its default."""

    name: str
    worker: str
    width: int
    open: Open
    figures: Figures = field(default_factory=Figures)


def systems() -> list[System]:
    return [
        System(OURS, "starling", 0, job_systems.starling),
        System("Starling, 10 slots", "starling", 10, job_systems.starling),
        System(ARQ, "arq", 0, job_systems.plain_arq),
        System("procrastinate, 1 at a time (default)", "procrastinate", 0, job_systems.plain_procrastinate),
        System("procrastinate, 10 at a time", "procrastinate", 10, job_systems.plain_procrastinate),
    ]


class Starts:
    """When each job began, as the worker process wrote it into a pipe."""

    def __init__(self) -> None:
        self._read, self.write = os.pipe()
        self.at: dict[int, int] = {}
        self.repeated = 0
        self._arrived = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._read, self._take)

    def _take(self) -> None:
        for number, nanoseconds in RECORD.iter_unpack(os.read(self._read, RECORD.size * 4096)):
            self.repeated += number in self.at
            self.at[number] = nanoseconds
        self._arrived.set()

    async def all_of(self, numbers: Sequence[int]) -> list[int]:
        """Their starts, once all have begun."""
        async with asyncio.timeout(MOST_SECONDS):
            while not all(number in self.at for number in numbers):
                self._arrived.clear()
                await self._arrived.wait()
        return [self.at[number] for number in numbers]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._read)
        os.close(self._read)
        os.close(self.write)


@asynccontextmanager
async def worker(system: System, starts: Starts, addresses: Addresses, home: Path) -> AsyncIterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.job_worker", system.worker, str(system.width)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "STARLING_HOME": str(home),
            "STARTS_FD": str(starts.write),
        },
        pass_fds=[starts.write],
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30.0)


async def round_of(system: System, addresses: Addresses, home: Path, jobs: int, starts: int) -> None:
    figures, told = system.figures, Starts()
    backlog, flow, single = _numbers(jobs, jobs, starts)
    try:
        async with system.open(addresses.database_url, addresses.redis_url, home) as submitter:
            figures.submitted.append(await _rate(submitter, backlog))
            async with worker(system, told, addresses, home):
                began = sorted(await told.all_of(backlog))
                figures.drained.append((jobs - 1) / (began[-1] - began[0]) * 1e9)
                await _settled(submitter)
                for number in single:
                    await asyncio.sleep(random.uniform(0.05, 0.55))  # out of step with whoever polls
                    asked = time.monotonic_ns()
                    await submitter.submit(number)
                    figures.starts.append(((await told.all_of([number]))[0] - asked) / 1e6)
                asked = time.monotonic_ns()
                await _rate(submitter, flow)
                figures.flowing.append(jobs / (max(await told.all_of(flow)) - asked) * 1e9)
                await _batched(submitter, told, figures, jobs)
                await _settled(submitter)
        if told.repeated:
            raise RuntimeError(f"{system.name} ran {told.repeated} jobs twice")
    finally:
        told.close()


def _numbers(*sizes: int) -> list[range]:
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    return [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]


async def _rate(submitter: Submitter, numbers: Sequence[int]) -> float:
    """Jobs a second of one submitter that waits for each call."""
    began = time.perf_counter()
    for number in numbers:
        await submitter.submit(number)
    return len(numbers) / (time.perf_counter() - began)


async def _batched(submitter: Submitter, told: Starts, figures: Figures, jobs: int) -> None:
    numbers = range(1_000_000, 1_000_000 + jobs)
    began = time.perf_counter()
    try:
        for first in range(0, jobs, BATCH):
            await submitter.submit_many(list(numbers[first : first + BATCH]))
    except NotImplementedError:
        return
    figures.batched.append(jobs / (time.perf_counter() - began))
    await told.all_of(numbers)


async def _settled(submitter: Submitter) -> None:
    """Every job that began has also ended well."""
    async with asyncio.timeout(MOST_SECONDS):
        while await submitter.unfinished():
            await asyncio.sleep(0.05)


async def measured(addresses: Addresses, home: Path, jobs: int, rounds: int, starts: int) -> list[System]:
    compared = systems()
    ours = await job_systems.make_database(addresses.database_url, "bench_starling")
    theirs = await job_systems.make_database(addresses.database_url, "bench_procrastinate")
    await migrate(ours)
    await job_systems.prepare_procrastinate(theirs)
    for _ in range(rounds):
        for system in compared:
            url = theirs if system.worker == "procrastinate" else ours
            await round_of(system, Addresses(url, addresses.redis_url), home, jobs, starts)
    return compared


def row(system: System) -> Row:
    figures = system.figures
    return [
        system.name,
        median(figures.drained),
        median(figures.flowing),
        f"{percentile(figures.starts, 0.5):.1f} ms",
        f"{percentile(figures.starts, 0.99):.1f} ms",
        median(figures.submitted),
        median(figures.batched),
    ]


HEADER = [
    "one worker process",
    "backlog drained",
    "submitted meanwhile",
    "start p50",
    "start p99",
    "one submitter",
    f"batches of {BATCH}",
]


def main() -> None:
    chosen = options(__doc__, jobs=2000, rounds=3, starts=60)
    with (
        tempfile.TemporaryDirectory(prefix="starling-bench-") as name,
        open_engines(Home(Path(name) / "home")) as engines,
    ):
        compared = asyncio.run(
            measured(engines.addresses, Path(name) / "work", chosen.jobs, chosen.rounds, chosen.starts)
        )
    by_name = {system.name: system.figures for system in compared}
    publish(
        "jobs",
        "Small jobs, beside plain arq and procrastinate",
        f"python -m bench.jobs --jobs {chosen.jobs} --rounds {chosen.rounds} --starts {chosen.starts}",
        f"Jobs that do nothing, {chosen.jobs:,} a case; the median of {chosen.rounds} rounds in turns, and"
        f" {chosen.rounds * chosen.starts} single starts.",
        table(HEADER, [row(system) for system in compared]),
        table(BESIDE_ARQ, beside_arq(by_name[OURS], by_name[ARQ])),
        GUARANTEES,
    )


if __name__ == "__main__":
    main()
