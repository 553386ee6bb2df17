"""`starling serve` with two API processes behaves as one: live updates, metrics, and when one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from app.engines import Engines
from db import sql
from domain.accounts import Viewer
from domain.particles.frames import packed
from domain.ports import Services
from tests.rest.songs import kick_wav
from tests.support.clones import Clones
from tests.support.graphql_http import api
from tests.support.graphql_ws import Socket, socket
from tests.support.live_jobs import JOB, running, submitted
from tests.support.scrapes import Scrape, scrape, scrape_until
from tests.support.serve_command import Serving, serving

BOTH = ("api", "api 2")
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id } }"
LOOK_SECONDS = 5.0  # how often a subscriber looks whom no nudge woke
REDIS_DATABASE = 4  # nobody else's, so that the connections of this server can be told from others
HTTP = "starling_http_request_duration_seconds_count"
COUNTERS = ("_total", "_count", "_sum", "_bucket")


@pytest.fixture(scope="module")
def database_url(clones: Clones) -> Iterator[str]:
    with clones.one() as url:
        yield url


@pytest.fixture(scope="module")
def served(
    engines: Engines, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    redis_url = f"{engines.addresses.redis_url}?db={REDIS_DATABASE}"
    with two_processes(tmp_path_factory.mktemp("served"), database_url, redis_url) as both:
        yield both


def two_processes(folder: Path, database_url: str, redis_url: str) -> Any:
    return serving(
        folder / "home", DATABASE_URL=database_url, REDIS_URL=redis_url, STARLING_API_PROCESSES="2"
    )


@pytest.fixture
async def serve(served: Serving) -> AsyncIterator[Serving]:
    """Both processes answer."""
    await both_answer(served)
    yield served


async def both_answer(serve: Serving) -> None:
    async with asyncio.timeout(60.0):
        while set(serve.apis()) != set(BOTH):
            await asyncio.sleep(0.02)
    for name in BOTH:
        async with client_of(serve, name) as client:
            assert (await client.get("/health")).json() == {"status": "healthy"}


@asynccontextmanager
async def client_of(serve: Serving, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Its requests are answered by that process alone."""
    async with httpx.AsyncClient(base_url=serve.url, timeout=60) as client:
        with serve.only(name):
            yield client


async def socket_of(stack: AsyncExitStack, serve: Serving, name: str) -> Socket:
    """A GraphQL socket that this process holds."""
    held = serve.connections(name)
    with serve.only(name):
        client = await stack.enter_async_context(socket(serve.url))
    assert serve.connections(name) == held + 1
    return client


async def test_a_change_through_either_process_reaches_every_subscriber_of_both_at_once(
    serve: Serving, services: Services, viewer: Viewer
) -> None:
    rounds = 4
    async with AsyncExitStack() as stack:
        sockets = [await socket_of(stack, serve, name) for name in BOTH for _ in range(3)]
        async with asyncio.timeout(rounds * len(BOTH) * LOOK_SECONDS / 2):  # without a nudge twice as long
            for name in BOTH * rounds:
                job = await submitted(viewer, services)
                updates = [client.updates(JOB, id=job.id) for client in sockets]
                assert [await status(one) for one in updates] == ["PENDING"] * len(sockets)
                async with client_of(serve, name), api(serve.url) as asking:
                    await asking.run(CANCEL, id=job.id)
                assert [await status(one) for one in updates] == ["CANCELLED"] * len(sockets)
                assert [await anext(one, None) for one in updates] == [None] * len(sockets)


async def test_every_process_has_one_subscription_to_redis_however_many_it_serves(
    serve: Serving, services: Services, viewer: Viewer, redis_url: str
) -> None:
    jobs = [await submitted(viewer, services) for _ in range(5)]
    async with AsyncExitStack() as stack:
        for name in BOTH:
            client = await socket_of(stack, serve, name)
            for job in jobs:
                await client.subscribe(JOB, id=job.id)
                assert (await client.receive())["type"] == "next"
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        ours = [one for one in await redis.client_list() if int(one["db"]) == REDIS_DATABASE]
        assert [int(one["sub"]) for one in ours if int(one["sub"])] == [1, 1]
    for job in jobs:
        await job.cancel(viewer)


async def test_connections_that_stay_are_shared_out_evenly(serve: Serving) -> None:
    async with AsyncExitStack() as stack:
        before = {name: serve.connections(name) for name in BOTH}
        for _ in range(6):  # a crowd each time, and nobody leaves
            await asyncio.gather(*(stack.enter_async_context(socket(serve.url)) for _ in range(10)))
        held = {name: serve.connections(name) - before[name] for name in BOTH}
        assert sum(held.values()) == 60
        assert min(held.values()) >= 15, held


async def test_health_and_readiness_are_those_of_the_process_that_is_asked(serve: Serving) -> None:
    for name in BOTH:
        async with client_of(serve, name) as client:
            ready = await client.get("/ready")
        assert ready.status_code == 503
        assert [missing.partition(":")[0] for missing in ready.json()["missing"]] == ["workers"]


async def test_whichever_process_is_scraped_answers_for_both(serve: Serving) -> None:
    def asked(found: Scrape) -> float:
        return found.value(HTTP, method="GET", route="/particles/types", status="2xx")

    async with AsyncExitStack() as stack:
        for name, count in zip(BOTH, (2, 3), strict=True):
            for _ in range(count):
                await socket_of(stack, serve, name)
        async with client_of(serve, BOTH[0]) as client:
            before = asked(await scrape(client))
        for name, count in zip(BOTH, (3, 4), strict=True):
            async with client_of(serve, name) as client:
                for _ in range(count):
                    await client.get("/particles/types")
                found = await scrape(client)
        assert asked(found) == before + 7
        assert found.value("starling_open_sockets", route="/graphql") == 5
        async with client_of(serve, BOTH[0]) as client:
            again = await scrape(client)
        assert asked(again) == before + 7
        assert again.value("starling_open_sockets", route="/graphql") == 5
        assert again.value("process_start_time_seconds") == found.value("process_start_time_seconds")
        assert "process_resident_memory_bytes" in again


@dataclass
class Follower:
    """Reads a job's updates to their end; when its connection ends it goes on from its last cursor."""

    job_id: str
    told: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def follow(self, url: str) -> None:
        while True:
            try:
                async with socket(url) as client:
                    self.connections += 1
                    after = self.told[-1]["cursor"] if self.told else None
                    async for data in client.updates(JOB, id=self.job_id, after=after):
                        self.told.append(data["jobUpdates"])
                    return
            except (ConnectionClosed, InvalidHandshake, OSError):
                continue


@pytest.mark.slow
async def test_of_a_process_that_is_killed_nobody_misses_anything(
    serve: Serving, services: Services, viewer: Viewer
) -> None:
    job = await running(viewer, services)
    spared, struck = BOTH
    followers = {name: [Follower(job.id) for _ in range(3)] for name in BOTH}
    async with asyncio.TaskGroup() as group, asyncio.timeout(60.0), Load.on(serve.url) as load:
        for name in BOTH:
            with serve.only(name):
                for one in followers[name]:
                    group.create_task(one.follow(serve.url))
                while not all(one.told for one in followers[name]):
                    await asyncio.sleep(0.01)
        for number in range(60):
            await job.report(number, f"step {number}")
            await asyncio.sleep(0.02)
            if number == 20:
                killed = serve.apis()[struck]
                os.kill(killed, signal.SIGKILL)
        await job.complete()
    for one in (*followers[spared], *followers[struck]):
        said = [(update["status"], update["progress"], update["message"]) for update in one.told]
        assert said == (await log_of(job.id))[-len(said) :]
        assert len(said) == 62
    assert [one.connections for one in followers[spared]] == [1, 1, 1]
    assert [one.connections for one in followers[struck]] == [2, 2, 2]
    assert load.failed <= load.at_once  # those that the killed process had taken
    assert load.answered > 20
    await both_answer(serve)
    assert serve.apis()[struck] != killed


@pytest.mark.slow
async def test_counters_do_not_fall_when_a_process_is_killed_and_comes_back(serve: Serving) -> None:
    async with AsyncExitStack() as stack:
        for name in BOTH:
            await socket_of(stack, serve, name)
        async with client_of(serve, BOTH[1]) as client:
            for _ in range(3):
                await client.get("/particles/types")
            last = await scrape(client)
        os.kill(serve.apis()[BOTH[1]], signal.SIGKILL)
        began = time.monotonic()
        while time.monotonic() - began < 5.0:
            async with httpx.AsyncClient(base_url=serve.url) as anybody:
                found = await answered(anybody)
            assert fallen(last, found) == []
            last = found
        await both_answer(serve)
        for name in BOTH:
            async with client_of(serve, name) as client:
                found = await scrape_until(
                    client, lambda found: found.value("starling_open_sockets", route="/graphql") == 1
                )
            assert fallen(last, found) == []
            last = found


async def answered(client: httpx.AsyncClient) -> Scrape:
    """Asked again where the process that had taken the question died with it."""
    try:
        return await scrape(client)
    except httpx.TransportError:
        return await scrape(client)


def fallen(before: Scrape, after: Scrape) -> list[str]:
    """The counters that are smaller than they were, or gone."""
    return [
        name
        for (name, labels), value in before.samples.items()
        if name.endswith(COUNTERS) and after.samples.get((name, labels), -1.0) < value
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_two_processes_that_work_out_the_same_at_once_answer_the_same(serve: Serving) -> None:
    async with AsyncExitStack() as stack:
        clients = [await keeping_to(stack, serve, name) for name in BOTH]
        song = {"file": ("song.wav", kick_wav(2.0))}
        stored = await asyncio.gather(*(client.post("/assets", files=song) for client in clients))
        assert [answer.status_code for answer in stored] == [201, 201]
        first, second = (answer.json() for answer in stored)
        assert (first["sha256"], first["duration"]) == (second["sha256"], second["duration"])
        asked = {
            "type": "enhanced",
            "config": packed({}),
            "audio": first["id"],
            "time": "0.5",
            "width": "160",
        }
        pictures = await asyncio.gather(*(drawn(client, asked) for client in clients))
        assert pictures[0] == pictures[1]
        assert pictures[0].startswith(b"\x89PNG")


async def keeping_to(stack: AsyncExitStack, serve: Serving, name: str) -> httpx.AsyncClient:
    """One connection, which that process holds, while the other goes on."""
    limits = httpx.Limits(max_connections=1, keepalive_expiry=None)
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=serve.url, timeout=60, limits=limits))
    held = serve.connections(name)
    with serve.only(name):
        await client.get("/health")
    assert serve.connections(name) == held + 1
    return client


async def drawn(client: httpx.AsyncClient, asked: dict[str, str]) -> bytes:
    """The frame, asked for again while the song is still being listened to."""
    async with asyncio.timeout(240.0):  # the first time on a machine kernels are compiled
        while (answer := await client.get("/frames/particles.png", params=asked)).status_code != 200:
            assert answer.status_code == 504, answer.text
    return answer.content


@pytest.mark.slow
async def test_without_redis_a_change_through_one_process_reaches_the_other(
    database_url: str, services: Services, viewer: Viewer, tmp_path: Path
) -> None:
    with two_processes(tmp_path, database_url, "redis://127.0.0.1:1/0") as serve:
        await both_answer(serve)
        job = await submitted(viewer, services)
        async with AsyncExitStack() as stack:
            updates = [(await socket_of(stack, serve, name)).updates(JOB, id=job.id) for name in BOTH]
            assert [await status(one) for one in updates] == ["PENDING", "PENDING"]
            async with client_of(serve, BOTH[0]), api(serve.url) as asking:
                await asking.run(CANCEL, id=job.id)
            assert [await status(one) for one in updates] == ["CANCELLED", "CANCELLED"]


@dataclass
class Load:
    """Requests over connections of their own, several at once, one after another."""

    at_once: int = 16
    answered: int = 0
    failed: int = 0

    @classmethod
    @asynccontextmanager
    async def on(cls, url: str) -> AsyncIterator[Load]:
        load = cls()
        async with httpx.AsyncClient(base_url=url, timeout=30, headers={"connection": "close"}) as client:
            asking = [asyncio.create_task(load._ask(client)) for _ in range(load.at_once)]
            try:
                yield load
            finally:
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        while True:
            try:
                assert (await client.get("/health")).status_code == 200
                self.answered += 1
            except httpx.TransportError:
                self.failed += 1
            await asyncio.sleep(0.02)


async def status(updates: AsyncIterator[Any]) -> str:
    """That of the next update."""
    return str((await anext(updates))["jobUpdates"]["status"])


async def log_of(job_id: str) -> list[tuple[str, float, str | None]]:
    rows = await sql.rows(
        "SELECT state, progress, message FROM job_events WHERE job_id = $1 ORDER BY version", job_id
    )
    return [(row["state"], row["progress"], row["message"]) for row in rows]
