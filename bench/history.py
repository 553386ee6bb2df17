"""Histories of repositories, small and large: pages, forks, commits and merges, over real HTTP.

python -m bench.history --commits 10000 --rounds 20

The API process has the first core to itself; the client and PostgreSQL have the second one. One request at a
time; a page is 50 commits with author, parents and stems. Every commit changes one of four stems, and every
tenth one is a merge of a line at the side. Limits: the first page 50 ms, a fork 200 ms, at 10,000 commits.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from app.engines import Addresses, open_engines
from app.engines.home import Home
from app.settings import Settings
from app.wiring import open_services
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
PAGE = f"""query ($id: ID!, $branch: String, $after: String) {{ repository(id: $id) {{
  commits(branch: $branch, after: $after) {{ totalCount pageInfo {{ endCursor }}
    {NODES} stems {{ type gain asset {{ id url }} }} }} }} }} }}"""
FORK = "mutation ($input: ForkInput!) { forkRepository(input: $input) { id } }"
COMMIT = "mutation ($input: CommitInput!) { createCommit(input: $input) { id } }"
MERGE = "mutation ($input: MergeInput!) { mergeBranches(input: $input) { status } }"
HEADER = ["", f"{SMALL} commits: p50", "p99", "{commits:,} commits: p50", "p99", "limit"]


@dataclass
class Timed:
    """Milliseconds of each round, by what was asked."""

    took: dict[str, list[float]] = field(default_factory=dict)

    async def ask(self, client: httpx.AsyncClient, name: str, query: str, **variables: Any) -> Any:
        started = time.perf_counter()
        answer = await client.post("/graphql", json={"query": query, "variables": variables})
        milliseconds = (time.perf_counter() - started) * 1000
        found = answer.json()
        if "errors" in found:
            raise RuntimeError(found["errors"])
        self.took.setdefault(name, []).append(milliseconds)
        return found["data"]


FIRST, BRANCH, DEEP = "the first page, everything", "the first page of a branch", "a page in the middle of it"
FORKED, FORKED_AT, COMMITTED, MERGED = "fork", "fork from a commit", "commit", "merge, planned (`dryRun`)"
LIMITS = {FIRST: "50 ms", BRANCH: "50 ms", FORKED: "200 ms", FORKED_AT: "200 ms"}


async def measured(
    client: httpx.AsyncClient, of: RepositoryOfMany, rounds: int, names: Iterator[int]
) -> Timed:
    timed = Timed()
    for turn in range(rounds + WARM):
        if turn == WARM:
            timed = Timed()  # plans are cached and the schema is warm
        await _round(client, timed, of, names)
    return timed


async def _round(client: httpx.AsyncClient, timed: Timed, of: RepositoryOfMany, names: Iterator[int]) -> None:
    id = str(of.id)
    await timed.ask(client, FIRST, PAGE, id=id)
    await timed.ask(client, BRANCH, PAGE, id=id, branch="main")
    await timed.ask(client, DEEP, PAGE, id=id, branch="main", after=of.middle_cursor)
    for name, start in ((FORKED, None), (FORKED_AT, str(of.middle_id))):
        said = {"repositoryId": id, "name": f"fork {next(names)}", "fromCommitId": start}
        await timed.ask(client, name, FORK, input=said)
    await timed.ask(
        client, COMMITTED, COMMIT, input={"repositoryId": id, "message": "more", "branch": "main"}
    )
    merge = {"repositoryId": id, "source": "side", "target": "main", "dryRun": True}
    await timed.ask(client, MERGED, MERGE, input=merge)


async def compared(addresses: Addresses, folder: Path, commits: int, rounds: int) -> list[Row]:
    await migrate(addresses.database_url)
    settings = Settings(folder / "work", addresses.database_url, addresses.redis_url)
    found = []
    async with open_services(settings) as services:
        several = [await store(f"song of {size}", size, services) for size in (SMALL, commits)]
        async with api_process(addresses, settings.home) as api:
            await ready(api.port)
            names = count()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}", timeout=60) as client:
                found = [await measured(client, of, rounds, names) for of in several]
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
