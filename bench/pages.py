"""Answers from rows in memory, beside graphql-yoga and Mercurius with the same schema, rows and operations.

python -m bench.pages --rounds 5 --seconds 5 --connections 8

Every server has the first core to itself while it is asked, and the client the second one. The servers take
turns within each round; what they answer is parsed and compared before. Five servers and
three operations, so it takes some 15 * rounds * seconds, and 40 seconds more.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import load, page_rows
from bench.load import Asked, Load
from bench.measure import percentile
from bench.node_peer import node_peer, node_version, pinned_version
from bench.page_schema import page_schema
from bench.processes import other_core, processor_seconds
from bench.python_server import Serving, python_server
from bench.report import SERVING, Row, options, publish, table

OURS = "Starling"
WARM_SECONDS = 1.5  # V8 compiles what is asked often
OPERATIONS = {
    "A page of 50 jobs with stages and outputs": page_rows.PAGE,
    "1,000 rows of five fields": page_rows.ROWS,
    "A small query, `{ hello }`": page_rows.SMALL,
}
HEADER = [
    "server",
    "requests a second",
    "CPU a request",
    "CPU beside ours",
    "p50",
    "p99",
    "client's core",
]


@dataclass(frozen=True)
class Server:
    name: str
    port: int
    pid: int


@dataclass(frozen=True)
class Turn:
    """One server with one operation for a while; `cpu` is in seconds a request."""

    load: Load
    cpu: float


async def opened(stack: AsyncExitStack, folder: Path) -> list[Server]:
    """Ours first. They run together, but only one of them has something to do."""
    rows, sdl = folder / "rows.json", folder / "schema.graphql"
    data = page_rows.rows()
    rows.write_text(json.dumps(data))
    sdl.write_text(page_schema(data, compiled=True).as_str())
    servers = []
    for mode, name in (("compiled", OURS), ("stock", f"{OURS}, not compiled")):
        ours = await stack.enter_async_context(_ours(mode, rows, folder))
        servers.append(Server(name, ours.port, ours.pid))
    for script, name in (
        ("yoga", pinned_version("graphql-yoga")),
        ("mercurius", pinned_version("mercurius")),
        ("mercurius-jit", f"{pinned_version('mercurius')}, jit: 1"),
    ):
        peer = await stack.enter_async_context(node_peer("pages.mjs", script, str(sdl), str(rows)))
        servers.append(Server(name, peer.port, peer.pid))
    return servers


def _ours(mode: str, rows: Path, folder: Path) -> AbstractAsyncContextManager[Serving]:
    return python_server(
        lambda descriptor: ["-m", "bench.page_server", mode, str(rows), str(descriptor)],
        folder / "page_server.log",
        {},
    )


def same_answers(servers: Sequence[Server], query: str) -> list[Asked]:
    """What each is asked, in their order. AssertionError where they answer otherwise than ours does."""
    asked = [load.ask(server.port, query) for server in servers]
    ours = json.loads(asked[0].body)
    assert "errors" not in ours, ours
    for server, one in zip(servers, asked, strict=True):
        assert json.loads(one.body) == ours, f"{server.name} answers otherwise"
    return asked


def turn(server: Server, asked: Asked, connections: int, seconds: float) -> Turn:
    used = processor_seconds(server.pid)
    found = load.loaded(server.port, asked, connections, seconds)
    return Turn(found, (processor_seconds(server.pid) - used) / found.requests)


def measured(
    servers: Sequence[Server], query: str, rounds: int, connections: int, seconds: float
) -> list[list[Turn]]:
    """The turns of each server, one a round."""
    asked = same_answers(servers, query)
    for server, one in zip(servers, asked, strict=True):
        load.loaded(server.port, one, connections, WARM_SECONDS)
    turns: list[list[Turn]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, one, of_server in zip(servers, asked, turns, strict=True):
            of_server.append(turn(server, one, connections, seconds))
    return turns


def row(name: str, turns: Sequence[Turn], ours: Sequence[Turn]) -> Row:
    """Medians of the rounds; the ratio is that of the turns of one round."""
    median = statistics.median
    beside = median(theirs.cpu / mine.cpu for theirs, mine in zip(turns, ours, strict=True))
    return [
        name,
        f"{median(one.load.requests / one.load.seconds for one in turns):,.0f}",
        f"{1e6 * median(one.cpu for one in turns):,.0f} us",
        f"**{beside:.2f}**",
        f"{median(percentile(one.load.took, 0.5) for one in turns):.1f} ms",
        f"{median(percentile(one.load.took, 0.99) for one in turns):.1f} ms",
        f"{100 * median(one.load.own for one in turns):.0f} %",
    ]


async def reported(rounds: int, connections: int, seconds: float) -> list[str]:
    parts = []
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        async with AsyncExitStack() as stack:
            servers = await opened(stack, Path(name))
            for title, query in OPERATIONS.items():
                turns = measured(servers, query, rounds, connections, seconds)
                size = len(load.ask(servers[0].port, query).body)
                rows = [row(server.name, of, turns[0]) for server, of in zip(servers, turns, strict=True)]
                parts += [f"{title} ({size:,} bytes of JSON):", table(HEADER, rows)]
    return parts


def main() -> None:
    chosen = options(__doc__, rounds=5, seconds=5, connections=8)
    with other_core():
        parts = asyncio.run(reported(chosen.rounds, chosen.connections, chosen.seconds))
    publish(
        "pages",
        "Answers from rows in memory",
        f"python -m bench.pages --rounds {chosen.rounds} --seconds {chosen.seconds}"
        f" --connections {chosen.connections}",
        f"Medians of {chosen.rounds} rounds of {chosen.seconds} s each in turns, {chosen.connections} kept"
        f" connections, server and client on a core each; {node_version()}, {pinned_version('fastify')}."
        " CPU is that of the server's process; above 1, the server needs more of it than ours. `not compiled`"
        " is graphql-core alone, as with `STARLING_COMPILED_SELECTIONS=no`.",
        *parts,
        packages=SERVING,
    )


if __name__ == "__main__":
    main()
