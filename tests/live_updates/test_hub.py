"""Who asks for the same is served by one execution; each is told all that they would have been alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from domain.accounts import Viewer
from domain.ports import Services
from schema.starling import StarlingSchema
from tests.support.graphql_ws import Socket, socket, subscribe_frame
from tests.support.inprocess import groups, subscribers, until
from tests.support.live_jobs import ALL, JOB, LiveJob, running, submitted
from tests.support.queries import counted

RUNNING = ("starling_graphql_operations_running", "subscription")
SENT = ("starling_subscription_events_sent_total", "anonymous")


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """How often each document was executed."""
    texts: Counter[str] = Counter()
    stream = StarlingSchema.stream

    async def counting(self: StarlingSchema, query: str, *args: Any, **options: Any) -> Any:
        texts[query] += 1
        return await stream(self, query, *args, **options)

    monkeypatch.setattr(StarlingSchema, "stream", counting)
    yield texts


async def next_raw(client: Socket) -> bytes:
    return await asyncio.wait_for(client.connection.recv(decode=False), 10.0)


async def test_many_who_ask_for_the_same_are_served_by_one_execution(
    base_url: str, viewer: Viewer, services: Services, executions: Counter[str]
) -> None:
    job = await running(viewer, services)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(socket(base_url)) for _ in range(20)]
        for number, client in enumerate(clients):
            await client.subscribe(JOB, f'"{number}"\\', id=job.id)
            assert (await client.update())["progress"] == 0.0
        await until(lambda: groups(services) == 1)
        openings = executions[JOB] - 1
        with counted() as queries:
            await job.report(10.0, "once")
            said = [await next_raw(client) for client in clients]
        assert executions[JOB] == openings + 1
        assert queries.count < 10, queries.statements
        ids = [orjson.loads(one)["id"] for one in said]
        assert ids == [f'"{number}"\\' for number in range(20)]
        heads = [b'{"id":' + orjson.dumps(id) for id in ids]
        assert len({one.removeprefix(head) for one, head in zip(said, heads, strict=True)}) == 1
        assert services.tallies.levels()[RUNNING] == 20
        assert services.tallies.totals()[SENT] == 40
        await job.complete()
        for client in clients:
            assert (await client.update())["status"] == "COMPLETED"
            assert (await client.receive())["type"] == "complete"
    await until(lambda: groups(services) == services.tallies.levels()[RUNNING] == 0)


async def test_what_is_not_the_same_is_not_shared(base_url: str, viewer: Viewer, services: Services) -> None:
    """Another job, another text, another operation; the order of variables and `after` do not count."""
    job = await running(viewer, services)
    other = await submitted(viewer, services)
    two = JOB.replace("subscription (", "subscription One(") + JOB.replace(
        "subscription (", "subscription Two("
    )
    swapped = "subscription ($after: ID!) { jobUpdates(id: $after) { progress } }"
    async with socket(base_url) as client:

        async def begin(number: int, text: str, name: str | None = None, **variables: Any) -> str:
            frame = subscribe_frame(str(number), text, **variables)
            frame["payload"]["operationName"] = name
            await client.send(frame)
            return str((await client.update())["cursor"]) if "cursor" in text else ""

        cursor = await begin(1, JOB, id=job.id)
        await begin(2, JOB, after=None, id=job.id, notDeclared="x")
        await until(lambda: groups(services) == 1)
        await begin(3, JOB, id=other.id)
        await begin(4, JOB + " ", id=job.id)
        await begin(5, two, "One", id=job.id)
        await begin(6, two, "Two", id=job.id)
        await client.subscribe(swapped, "7", after=job.id)
        await client.subscribe(swapped, "8", after=other.id)
        assert {(await client.receive())["id"] for _ in range(2)} == {"7", "8"}
        await until(lambda: groups(services) == 7)
        await job.report(5.0)
        assert {(await client.receive())["id"] for _ in range(6)} == {"1", "2", "4", "5", "6", "7"}
        await client.subscribe(JOB, "9", after=cursor, id=job.id)
        assert (await client.update())["progress"] == 5.0
        await asyncio.sleep(0.1)
        assert groups(services) == 7
        for number in range(1, 10):
            await client.send({"type": "complete", "id": str(number)})
        await until(lambda: groups(services) == 0)
        await until(lambda: subscribers(services) == 0)


class Reader:
    """Joins at a random moment, perhaps with a cursor, and notes what it is told."""

    def __init__(self, client: Socket, query: str) -> None:
        self.client = client
        self.query = query
        self.told: list[dict[str, Any]] = []

    async def read(self, until_ended: int, **variables: Any) -> None:
        id = await self.client.subscribe(self.query, **variables)
        ended: set[str] = set()
        while len(ended) < until_ended:
            frame = await self.client.receive()
            assert (frame["type"], frame["id"]) == ("next", id), frame
            (update,) = frame["payload"]["data"].values()
            self.told.append(update)
            if update["status"] == "COMPLETED":
                ended.add(update.get("job", {}).get("id", "one"))


async def _live(job: LiveJob, rng: random.Random, changes: int) -> list[tuple[str, float]]:
    for number in range(1, changes):
        await job.report(float(number) / 10)
        await asyncio.sleep(rng.choice([0.0, 0.0, 0.0, 0.01]))
    await job.complete()
    return [("PROCESSING", number / 10) for number in range(changes)] + [("COMPLETED", 100.0)]


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_joins_at_any_moment_is_told_every_change_once(
    seed: int, base_url: str, viewer: Viewer, services: Services
) -> None:
    rng = random.Random(seed)
    job = await running(viewer, services)
    async with AsyncExitStack() as stack:

        async def join(query: str, delay: float) -> Reader:
            await asyncio.sleep(delay)
            reader = Reader(await stack.enter_async_context(socket(base_url, ping_interval=None)), query)
            await reader.read(1, **({"id": job.id} if query is JOB else {}))
            return reader

        readers = [
            asyncio.create_task(join(rng.choice([JOB, ALL]), rng.uniform(0.0, 0.3))) for _ in range(30)
        ]
        everything = await _live(job, rng, changes=120)
        told = [(await reader).told for reader in readers]
    for updates in told:
        said = [(update["status"], update["progress"]) for update in updates]
        assert said == everything[len(everything) - len(said) :], seed
    await until(lambda: groups(services) == 0)
