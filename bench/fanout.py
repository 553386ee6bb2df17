"""One job's updates to many sockets, beside graphql-ws on Node.

python -m bench.fanout --few 250 --sockets 1000 --rate 1 --seconds 20

The server has one core to itself. The other one has the client (one process for all sockets, the same for
both servers), the engines and the writer, which commits each change as a worker's heartbeat does. A delay is
from the commit (on Node: from the call that publishes) to the arrival at one socket.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.engines import open_engines
from app.engines.home import Home
from bench import fanout_servers
from bench.fanout_servers import READY_SECONDS, ROOT, Server
from bench.report import Row, options, publish, table
from bench.serving import percentile
from db.migrate import migrate

SERVER_CORE, OTHER_CORE = 0, 1
PROBE_SECONDS = 0.1
DRAIN_SECONDS = 5.0  # what is late by more counts as not delivered
SETTLE_SECONDS = 1.0
QUERY = "subscription ($id: ID!) { jobUpdates(id: $id) { status progress message at } }"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")
Open = Callable[[], AbstractAsyncContextManager[Server]]


@dataclass
class Sockets:
    """What the client process saw: delays in milliseconds, sockets at the start and at the end."""

    connected: int = 0
    at_the_end: int = 0
    load: float = 0.0  # of its core, 0..1
    delays: list[float] = field(default_factory=list)


@dataclass
class Figures:
    """Of one server with so many sockets and events a second."""

    name: str
    wanted: int
    rate: float
    sockets: Sockets
    events: int
    processor_seconds: float
    bytes_a_socket: float
    probes: list[float]  # ms of a health request meanwhile

    @property
    def delivered(self) -> float:
        """Of what every wanted socket should have got, 0..1."""
        return len(self.sockets.delays) / (self.wanted * self.events)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


async def measured(server: Server, wanted: int, rate: float, seconds: float, folder: Path) -> Figures:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
        await _ready(http)
        # What the first socket makes the server load is no socket's share.
        async with subscribed(server, 1, folder) as (_, finish):
            await server.publish("first")
            await finish({})
        before = resident_bytes(server.pid)
        async with subscribed(server, wanted, folder) as (count, finish):
            await asyncio.sleep(SETTLE_SECONDS)
            probes: list[float] = []
            probing = asyncio.create_task(_probe(http, probes))
            used = processor_seconds(server.pid)
            told = await _told(server, rate, seconds)
            used = processor_seconds(server.pid) - used
            grown = resident_bytes(server.pid) - before
            probing.cancel()
            sockets = await finish(told)
            sockets.connected = count
    return Figures(server.name, wanted, rate, sockets, len(told), used, grown / max(1, count), probes)


async def _ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                if (await http.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def _told(server: Server, rate: float, seconds: float) -> dict[int, int]:
    """Publish in time; when each was, by its number."""
    told = {}
    began = time.monotonic()
    for number in range(max(1, round(rate * seconds))):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        told[number] = await server.publish(f"seq-{number}")
    await asyncio.sleep(max(DRAIN_SECONDS, 1 / rate))
    return told


async def _probe(http: httpx.AsyncClient, took: list[float]) -> None:
    while True:
        began = time.perf_counter()
        with suppress(httpx.HTTPError):  # its time counts all the same
            (await http.get("/health")).raise_for_status()
        took.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PROBE_SECONDS)


Finish = Callable[[dict[int, int]], "asyncio.Future[Sockets]"]


@asynccontextmanager
async def subscribed(server: Server, wanted: int, folder: Path) -> AsyncIterator[tuple[int, Finish]]:
    """The client process with its sockets: how many there are, and what ends it."""
    path = folder / "arrivals"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.sockets",
        str(server.port),
        str(wanted),
        str(path),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    asking, answers = process.stdin, process.stdout
    if asking is None or answers is None:
        raise RuntimeError("no pipes")
    asking.write(json.dumps({"query": QUERY, "variables": {"id": server.job_id}}).encode() + b"\n")
    count = int(await answers.readline())
    began = time.monotonic()

    async def ended(told: dict[int, int]) -> Sockets:
        asking.close()
        left, used = json.loads(await answers.readline())
        arrived = array("q", path.read_bytes())
        delays = [
            (at - told[number]) / 1e6
            for number, at in zip(arrived[::2], arrived[1::2], strict=True)
            if number in told
        ]
        return Sockets(count, left, used / (time.monotonic() - began), delays)

    try:
        yield count, lambda told: asyncio.ensure_future(ended(told))
    finally:
        asking.close()
        await process.wait()


def row(figures: Figures) -> Row:
    sockets = figures.sockets
    delays = sockets.delays or [float("nan")]
    each = figures.processor_seconds / max(1, len(sockets.delays)) * 1e6
    return [
        figures.name,
        f"{figures.wanted:,} at {figures.rate:g}/s",
        f"{sockets.at_the_end:,}",
        f"{100 * figures.delivered:.1f} %",
        f"{percentile(delays, 0.5):.0f} ms",
        f"{percentile(delays, 0.99):.0f} ms",
        f"{each:.0f} us",
        f"{figures.bytes_a_socket / 1000:.0f} KB",
        f"{percentile(figures.probes, 0.99):.0f} ms" if figures.probes else "-",
        f"{100 * sockets.load:.0f} %",
    ]


HEADER = [
    "server",
    "sockets, events",
    "connected at the end",
    "delivered",
    "delay p50",
    "delay p99",
    "CPU a delivery",
    "memory a socket",
    "health p99",
    "client's core",
]


async def compared(
    sizes: Sequence[int], rate: float, seconds: float, rounds: int, folder: Path
) -> list[Figures]:
    """The servers in turns, each with every number of sockets; of each the round with the lowest p99."""
    with open_engines(Home(folder / "home")) as engines:
        await migrate(engines.addresses.database_url)
        servers: list[Open] = [
            lambda: fanout_servers.graphql_ws(SERVER_CORE),
            lambda: fanout_servers.starling(engines.addresses, folder / "work", SERVER_CORE),
        ]
        found: dict[tuple[int, int], list[Figures]] = {}
        for _ in range(rounds):
            for size, number in itertools.product(sizes, range(len(servers))):
                async with servers[number]() as opened:
                    of_server = found.setdefault((size, number), [])
                    of_server.append(await measured(opened, size, rate, seconds, folder))
    return [min(of_server, key=_p99) for of_server in found.values()]


def _p99(figures: Figures) -> float:
    return percentile(figures.sockets.delays, 0.99) if figures.sockets.delays else float("inf")


def main() -> None:
    chosen = options(__doc__, few=250, sockets=1000, rate=1, seconds=20, rounds=2)
    if os.cpu_count() == 1:
        raise SystemExit("server and client need a core each")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as name:
        found = asyncio.run(
            compared((chosen.few, chosen.sockets), chosen.rate, chosen.seconds, chosen.rounds, Path(name))
        )
    os.sched_setaffinity(0, cores)
    publish(
        "fanout",
        "Live updates to many sockets",
        f"python -m bench.fanout --few {chosen.few} --sockets {chosen.sockets} --rate {chosen.rate}"
        f" --seconds {chosen.seconds} --rounds {chosen.rounds}",
        f"One job with {chosen.rate} changes a second for {chosen.seconds} s, every socket with a"
        f" subscription of its own to it; the better of {chosen.rounds} rounds in turns. The server has"
        " a core to itself; CPU is all that its process used meanwhile, memory what it grew by a socket.",
        table(HEADER, [row(figures) for figures in found]),
    )


if __name__ == "__main__":
    main()
