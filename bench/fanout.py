"""One job's updates to many sockets, beside graphql-ws on Node.

python -m bench.fanout --few 1000 --many 5000 --slow 1 --fast 10 --seconds 20 --rounds 3

The server has one core to itself. The other one has the client (one process for all sockets, the same for
both servers), the engines and the writer, which commits each change as a worker's heartbeat does. A delay is
from the commit (on Node: from the call that publishes) to the arrival at one socket. It takes about
8 * rounds * (seconds + 25) seconds; figures of each turn go to stderr.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from app.engines import Addresses, open_engines
from app.engines.home import Home
from bench import fanout_servers
from bench.fanout_case import DRAIN_SECONDS, Case, Figures, measured
from bench.fanout_servers import Server
from bench.node_peer import node_version, pinned_version
from bench.processes import other_core, raise_file_limit
from bench.report import SERVING, Row, options, publish, table
from db.migrate import migrate

OURS, NODE = "Starling", pinned_version("graphql-ws")
Found = dict[tuple[Case, str], list[Figures]]
HEADER = [
    "server",
    "sockets, events",
    "connected at the end",
    "delivered",
    "delay p50",
    "delay p99",
    "CPU a delivery",
    "CPU a subscriber",
    "memory a socket",
    "health p99",
    "server's core",
    "client's core",
]
SHARES = ["sockets, events", "delay p50", "delay p99", "CPU a delivery"]
HASURA = """Hasura's published figure for one CPU is 5,000 live queries with a new result a second for each,
at a load of 60 % (architecture/live-queries.md of hasura/graphql-engine, 2019, another machine). Theirs watch
a row each and are read again in batches; ours watch one job:"""


async def compared(
    cases: Sequence[Case], seconds: float, rounds: int, addresses: Addresses, folder: Path
) -> Found:
    """Each case with both servers, again in each round; a server is started for each."""
    await migrate(addresses.database_url)
    servers: dict[str, Callable[[], AbstractAsyncContextManager[Server]]] = {
        NODE: fanout_servers.graphql_ws,
        OURS: lambda: fanout_servers.starling(addresses, folder / "work"),
    }
    found: Found = {}
    for _ in range(rounds):
        for case, (name, opened) in itertools.product(cases, servers.items()):
            async with opened() as server:
                figures = await measured(server, case, seconds, folder)
            print(f"{name}, {case}: {figures}", file=sys.stderr, flush=True)
            found.setdefault((case, name), []).append(figures)
    return found


def median(of: Callable[[Figures], float], rounds: Sequence[Figures]) -> float:
    return statistics.median(of(one) for one in rounds)


def row(case: Case, server: str, rounds: Sequence[Figures]) -> Row:
    return [
        server,
        str(case),
        f"{median(lambda one: one.at_the_end, rounds):,.0f}",
        f"{100 * median(lambda one: one.delivered, rounds):.1f} %",
        f"{median(lambda one: one.p50, rounds):.0f} ms",
        f"{median(lambda one: one.p99, rounds):.0f} ms",
        f"{1e6 * median(lambda one: one.cpu_a_delivery, rounds):.0f} us",
        f"{1000 * median(lambda one: one.cpu_a_socket, rounds):.1f} ms",
        f"{median(lambda one: one.bytes_a_socket, rounds) / 1000:.0f} KB",
        f"{median(lambda one: one.health_p99, rounds):.1f} ms",
        f"{100 * median(lambda one: one.core, rounds):.0f} %",
        f"{100 * median(lambda one: one.client_core, rounds):.0f} %",
    ]


def beside(case: Case, found: Found) -> Row:
    """Ours as a share of Node's: the medians of the ratios of one round."""
    pairs = list(zip(found[case, OURS], found[case, NODE], strict=True))

    def ratio(of: Callable[[Figures], float]) -> str:
        return f"**{statistics.median(of(ours) / of(node) for ours, node in pairs):.2f}**"

    return [
        str(case),
        ratio(lambda one: one.p50),
        ratio(lambda one: one.p99),
        ratio(lambda one: one.cpu_a_delivery),
    ]


def hasura(case: Case, rounds: Sequence[Figures]) -> str:
    core = median(lambda one: one.core, rounds)
    results = median(lambda one: one.delivered, rounds) * case.sockets * case.rate
    ours: Row = [f"{OURS}, {case}", f"{results:,.0f}", f"**{100 * core:.1f} %**"]
    return table(["server", "results a second", "of one core"], [ours])


def main() -> None:
    chosen = options(__doc__, few=1000, many=5000, slow=1, fast=10, seconds=20, rounds=3)
    cases = [
        Case(sockets, rate) for rate in (chosen.slow, chosen.fast) for sockets in (chosen.few, chosen.many)
    ]
    raise_file_limit()
    with (
        other_core(),
        tempfile.TemporaryDirectory(prefix="starling-bench-") as name,
        open_engines(Home(Path(name) / "home")) as engines,
    ):
        found = asyncio.run(compared(cases, chosen.seconds, chosen.rounds, engines.addresses, Path(name)))
    largest = Case(chosen.many, chosen.slow)
    publish(
        "fanout",
        "Live updates to many sockets",
        f"python -m bench.fanout --few {chosen.few} --many {chosen.many} --slow {chosen.slow}"
        f" --fast {chosen.fast} --seconds {chosen.seconds} --rounds {chosen.rounds}",
        f"One job that changes for {chosen.seconds} s, every socket with a subscription of its own to it;"
        f" medians of {chosen.rounds} rounds in turns; {node_version()}, {pinned_version('ws')}. The server"
        " has a core to itself; CPU is what its process used, without what the health requests that are sent"
        " meanwhile cost it while nobody subscribes, memory what it grew by a socket; a subscriber costs its"
        " connection, its subscription and the first message."
        f" What comes more than {DRAIN_SECONDS:g} s after the last event is not delivered: a server with less"
        " than 100 % is saturated (ours leaves out what a newer state has overtaken).",
        table(HEADER, [row(case, server, rounds) for (case, server), rounds in found.items()]),
        "Starling's figures as shares of Node's; the limit of each is a third:",
        table(SHARES, [beside(case, found) for case in cases]),
        HASURA,
        hasura(largest, found[largest, OURS]),
        packages=SERVING,
    )


if __name__ == "__main__":
    main()
