"""Histories of repositories, small and large: pages, forks, commits and merges, over real HTTP.

python -m bench.history --commits 10000 --rounds 20

The API process has the first core to itself; the client and PostgreSQL have the second one. One request at a
time; a page is 50 commits with author, parents and stems. Every commit changes one of four stems, and every
tenth one is a merge of a line at the side. Limits: the first page 50 ms, a fork 200 ms, at 10,000 commits.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from app.engines import Addresses, open_engines
from app.engines.home import Home
from app.settings import Settings
from app.wiring import open_services
from bench import load
from bench.health_probe import ready
from bench.measure import percentile
from bench.processes import other_core
from bench.python_server import api_process
from bench.report import SERVING, Row, options, publish, table
from bench.stored_commits import RepositoryOfMany, store
from db.migrate import migrate

SMALL = 100
WARM = 3
NODES = "nodes { id message bpm keySignature createdAt author { username } parents { id }"
PAGE = f"""{{ repository(id: "%s") {{ commits(%s) {{ totalCount pageInfo {{ endCursor }}
    {NODES} stems {{ type gain asset {{ id url }} }} }} }} }} }}"""
FORK = """mutation { forkRepository(input: {repositoryId: "%s", name: "%s", fromCommitId: %s}) { id } }"""
COMMIT = """mutation { createCommit(input: {repositoryId: "%s", message: "more", branch: "main"}) { id } }"""
MERGE = """mutation { mergeBranches(input: {
  repositoryId: "%s", source: "side", target: "main", dryRun: true}) { status } }"""
HEADER = ["", f"{SMALL} commits: p50", "p99", "{commits:,} commits: p50", "p99", "limit"]


@dataclass
class Timed:
    """Milliseconds of each round, by what was asked."""

    port: int
    took: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, name: str, query: str) -> None:
        started = time.perf_counter()
        answer = load.ask(self.port, query)
        milliseconds = (time.perf_counter() - started) * 1000
        if "errors" in json.loads(answer.body):
            raise RuntimeError(answer.body)
        self.took.setdefault(name, []).append(milliseconds)


FIRST, BRANCH, DEEP = "the first page, everything", "the first page of a branch", "a page in the middle of it"
FORKED, FORKED_AT, COMMITTED, MERGED = "fork", "fork from a commit", "commit", "merge, planned (`dryRun`)"
LIMITS = {FIRST: "50 ms", BRANCH: "50 ms", FORKED: "200 ms", FORKED_AT: "200 ms"}


def measured(port: int, of: RepositoryOfMany, rounds: int, names: Iterator[int]) -> Timed:
    timed = Timed(port)
    for turn in range(rounds + WARM):
        if turn == WARM:
            timed = Timed(port)  # plans are cached and the schema is warm
        _round(timed, of, names)
    return timed


def _round(timed: Timed, of: RepositoryOfMany, names: Iterator[int]) -> None:
    timed.ask(FIRST, PAGE % (of.id, "first: 50"))
    timed.ask(BRANCH, PAGE % (of.id, 'branch: "main"'))
    timed.ask(DEEP, PAGE % (of.id, f'branch: "main", after: "{of.middle_cursor}"'))
    timed.ask(FORKED, FORK % (of.id, f"fork {next(names)}", "null"))
    timed.ask(FORKED_AT, FORK % (of.id, f"fork {next(names)}", f'"{of.middle_id}"'))
    timed.ask(COMMITTED, COMMIT % of.id)
    timed.ask(MERGED, MERGE % of.id)


async def compared(addresses: Addresses, folder: Path, commits: int, rounds: int) -> list[Row]:
    await migrate(addresses.database_url)
    settings = Settings(folder / "work", addresses.database_url, addresses.redis_url)
    found = []
    async with open_services(settings) as services:
        several = [await store(f"song of {size}", size, services) for size in (SMALL, commits)]
        async with api_process(addresses, settings.home) as api:
            await ready(api.port)
            names = count()
            found = [measured(api.port, of, rounds, names) for of in several]
    small, large = (timed.took for timed in found)
    return [_row(name, small[name], large[name]) for name in large]


def _row(name: str, small: list[float], large: list[float]) -> Row:
    figures = [f"{percentile(took, share):.1f} ms" for took in (small, large) for share in (0.5, 0.99)]
    if name in LIMITS:
        figures[2] = f"**{figures[2]}**"
    return [name, *figures, LIMITS.get(name, "")]


def main() -> None:
    chosen = options(__doc__, commits=10_000, rounds=20)
    with (
        other_core(),
        tempfile.TemporaryDirectory(prefix="starling-bench-") as name,
        open_engines(Home(Path(name) / "home")) as engines,
    ):
        rows = asyncio.run(compared(engines.addresses, Path(name), chosen.commits, chosen.rounds))
    publish(
        "history",
        "Histories of repositories",
        f"python -m bench.history --commits {chosen.commits} --rounds {chosen.rounds}",
        "Over HTTP, one request at a time. A page is 50 commits with authors, parents, stems and the total; a"
        " fork is the whole history under other ids, and no file and no stem is copied.",
        table([text.format(commits=chosen.commits) for text in HEADER], rows),
        packages=(*SERVING, "asyncpg", "tortoise-orm"),
    )


if __name__ == "__main__":
    main()
