"""A subscriber that stops reading costs constant memory, delays nobody, and gets the newest in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from domain.accounts import Viewer
from domain.ports import Services
from tests.support.figures import Figures
from tests.support.graphql_ws import PROTOCOL, Socket, socket
from tests.support.live_jobs import ALL, JOB, LiveJob, running
from tests.support.raw_ws import raw_socket
from tests.support.rows import a_system
from tests.support.server import Server

READERS = 500
PHASE_SECONDS = 12.0
BUSY_EVENTS_A_SECOND = 120
SHARED_EVENTS = 12
KERNEL_BYTES = 4_096
MEGABYTE = 1024**2


def resident_bytes(server: Server) -> int:
    for line in Path(f"/proc/{server.api.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Delays:
    """How long after its change each update came, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.progress: dict[Socket, float] = {}

    async def take(self, client: Socket) -> None:
        async for text in client.connection:
            frame = orjson.loads(text)
            assert frame["type"] == "next", frame
            update = frame["payload"]["data"]["jobUpdates"]
            self.seconds.append(time.time() - datetime.fromisoformat(update["at"]).timestamp())
            self.progress[client] = update["progress"]

    async def until_all_have(self, progress: float) -> None:
        async with asyncio.timeout(60.0):
            while sum(self.progress[client] >= progress for client in self.progress) < READERS:
                await asyncio.sleep(0.05)

    def percentile(self, share: float) -> float:
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))]


@asynccontextmanager
async def following(server: Server, job: LiveJob, delays: Delays) -> AsyncIterator[None]:
    """Readers of one job, each with a socket of its own."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(READERS):
            client = await stack.enter_async_context(
                socket(server.base_url, compression=None, ping_interval=None)
            )
            await client.subscribe(JOB, id=job.id)
            clients.append(client)
        for client in clients:
            assert (await client.receive())["type"] == "next"
        tasks = [asyncio.create_task(delays.take(client)) for client in clients]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(end) for end in ended} == {asyncio.CancelledError}, ended


async def move(job: LiveJob, times: int, over_seconds: float, first: float) -> None:
    """Progress in small steps, evenly, from `first` on."""
    began = time.monotonic()
    for number in range(times):
        await job.report(first + 0.001 * number, "x" * 200)
        await asyncio.sleep(max(0.0, began + (number + 1) * over_seconds / times - time.monotonic()))


@contextmanager
def sampled(server: Server) -> Iterator[list[int]]:
    sizes: list[int] = []

    async def sample() -> None:
        while True:
            sizes.append(resident_bytes(server))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(sample())
    try:
        yield sizes
    finally:
        task.cancel()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.promise("P12")
async def test_a_stalled_reader_costs_nothing_and_delays_nobody(
    api: Server, services: Services, viewer: Viewer, figures: Figures
) -> None:
    shared, busy = await running(viewer, services), await running(viewer, services)
    delays = Delays()
    events = int(BUSY_EVENTS_A_SECOND * PHASE_SECONDS)
    async with (
        following(api, shared, delays),
        raw_socket(api.base_url, "/graphql", PROTOCOL, receive_bytes=KERNEL_BYTES) as reader,
    ):
        await reader.begin()
        await reader.subscribe("busy", JOB, id=busy.id)
        await reader.subscribe("shared", JOB, id=shared.id)

        async def read() -> None:
            while True:
                await reader.json()

        async def phase(first: float) -> list[int]:
            with sampled(api) as sizes:
                await asyncio.gather(
                    move(busy, events, PHASE_SECONDS, first),
                    move(shared, SHARED_EVENTS, PHASE_SECONDS, first),
                )
                await delays.until_all_have(first + 0.001 * (SHARED_EVENTS - 1))
            return sizes

        reading = asyncio.create_task(read())
        await phase(10.0)  # everything is warm
        delays.seconds.clear()
        await phase(20.0)
        usual, usual_p99 = delays.percentile(0.5), delays.percentile(0.99)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading

        delays.seconds.clear()
        sizes = await phase(30.0)
        stalled, stalled_p99 = delays.percentile(0.5), delays.percentile(0.99)

        await busy.report(77.0)
        await shared.report(78.0)
        read_before = reader.bytes_read
        seen: dict[str, list[float]] = {"busy": [], "shared": []}
        while seen["busy"][-1:] != [77.0] or seen["shared"][-1:] != [78.0]:
            frame = await reader.json()
            seen[frame["id"]].append(frame["payload"]["data"]["jobUpdates"]["progress"])
        late = len(seen["busy"])
        await busy.complete()
        ends = [await reader.json() for _ in range(2)]
        assert [end["type"] for end in ends] == ["next", "complete"]
        assert ends[0]["payload"]["data"]["jobUpdates"]["status"] == "COMPLETED"

    growth = (max(sizes[2:]) - min(sizes[:2])) / MEGABYTE
    figures.note("P12", f"median delay of {READERS} readers", 1e3 * usual, "ms")
    figures.note("P12", f"median delay of {READERS} readers beside a stalled one", 1e3 * stalled, "ms")
    figures.note("P12", f"p99 delay of {READERS} readers", 1e3 * usual_p99, "ms")
    figures.within(
        "P12",
        f"p99 delay of {READERS} readers beside a stalled one",
        1e3 * stalled_p99,
        max(300.0, 1e3 * usual_p99),
        "ms",
    )
    figures.within("P12", f"memory for {events} changes that a stalled reader missed", growth, 4.0, "MB")
    figures.within("P12", f"old updates that it is told of {events}", late, 150, "")
    figures.note("P12", "bytes that waited for it", reader.bytes_read - read_before, "B")


@pytest.mark.promise("P12")
async def test_a_stalled_reader_of_all_jobs_has_the_newest_of_each_and_every_end(
    api: Server, services: Services, viewer: Viewer
) -> None:
    first, second = await running(viewer, services), await running(viewer, services)
    async with raw_socket(api.base_url, "/graphql", PROTOCOL, receive_bytes=KERNEL_BYTES) as reader:
        await reader.begin()
        await reader.subscribe("all", ALL)
        for _ in range(2):
            assert (await reader.json())["type"] == "next"
        await asyncio.gather(move(first, 600, 6.0, 1.0), move(second, 600, 6.0, 1.0))
        await first.complete()
        await second.report(99.0)
        await asyncio.sleep(0.5)
        told: dict[str, list[tuple[str, float]]] = {first.id: [], second.id: []}
        while ("COMPLETED", 100.0) not in told[first.id] or ("PROCESSING", 99.0) not in told[second.id]:
            update = (await reader.json())["payload"]["data"]["allJobUpdates"]
            told[update["job"]["id"]].append((update["status"], update["progress"]))
        for updates in told.values():
            assert [progress for _, progress in updates] == sorted(progress for _, progress in updates)
            assert len(updates) < 300, len(updates)


@pytest.mark.promise("P12")
async def test_a_stalled_reader_of_a_system_has_the_newest_status(
    api: Server, services: Services, viewer: Viewer
) -> None:
    system = (await a_system(viewer)).id
    async with (
        raw_socket(api.base_url, f"/particles/ws/{system}", receive_bytes=KERNEL_BYTES) as reader,
        raw_socket(api.base_url, f"/particles/ws/{system}") as other,
    ):
        await reader.json()
        for number in range(600):
            await other.send({"action": "update_config", "config": {"fps": 10 + number % 100}})
            if number % 20 == 0:
                await asyncio.sleep(0.01)
            while (await other.json())["config"]["fps"] != 10 + number % 100:
                pass
        await asyncio.sleep(2.0)
        count = 1
        while (await reader.json())["config"]["fps"] != 10 + 599 % 100 or count < 3:
            count += 1
        assert count < 300
