"""P16: one idempotency key is one job (one batch), however often, wherever and after whatever it is sent."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from db import sql
from domain.accounts import local_owner
from domain.errors import Conflict
from domain.jobs import JobOptions, NewJob, submit_many
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.films import ASK, Films, films
from tests.support.graphql_http import Failed
from tests.support.invariants import quiet
from tests.support.job_workers import Workers
from tests.support.server import Server, running_server

pytestmark = [pytest.mark.promise("P16"), pytest.mark.usefixtures("invariants")]

AT_ONCE, KILLS, IN_FLIGHT = 50, 3, 25


@pytest.fixture
def first_api(database_url: str, redis_url: str) -> Iterator[Server]:
    with running_server(database_url, redis_url, workers=0, ready=False) as server:
        yield server


@pytest.fixture
def second_api(database_url: str, redis_url: str) -> Iterator[Server]:
    with running_server(database_url, redis_url, workers=0, ready=False) as server:
        yield server


@asynccontextmanager
async def two_clients(first_api: Server, second_api: Server) -> AsyncIterator[tuple[Films, Films]]:
    """Of the same system, each of its own API process."""
    async with (
        films(first_api.base_url) as first,
        films(second_api.base_url, first.system_id) as second,
    ):
        yield first, second


@pytest.mark.slow
async def test_50_concurrent_submits_of_one_key_to_two_apis_are_one_job(
    first_api: Server, second_api: Server, workers: Workers, effects: Effects, figures: Figures
) -> None:
    await workers.start(slots=2, RENDERED=str(effects.path))
    async with two_clients(first_api, second_api) as clients:
        answers = await asyncio.gather(*(clients[n % 2].ask("the key") for n in range(AT_ONCE)))
        figures.exactly("P16", "jobs of 50 concurrent submits with one key", len(set(answers)), 1)
        assert len(await _rows()) == 1

        mixed = [
            _outcome(clients[n % 2], "another key", "DRAFT" if n < AT_ONCE // 2 else "HIGH")
            for n in range(AT_ONCE)
        ]
        said = Counter(await asyncio.gather(*mixed))
        assert said.pop("CONFLICT") == AT_ONCE // 2
        assert list(said.values()) == [AT_ONCE // 2]  # the others are all the same job
        assert len(await _rows()) == 2

        assert await clients[0].ask("the key") == answers[0]  # also once it has ended
        refused = await clients[1].api.refusal(
            ASK, id=clients[1].system_id, input={"quality": "HIGH"}, options={"idempotencyKey": "the key"}
        )
        assert (refused.code, refused.field) == ("CONFLICT", "idempotencyKey")
    await _ran_once_each(effects, await _rows())


@pytest.mark.slow
async def test_a_client_that_asks_again_after_its_api_was_killed_has_one_job(
    database_url: str,
    redis_url: str,
    second_api: Server,
    workers: Workers,
    effects: Effects,
    figures: Figures,
    rng: random.Random,
) -> None:
    """Killed after a random number of its 25 answers, three times, or more often where the kills came too
    late; the client knows no more."""
    await workers.start(slots=2, RENDERED=str(effects.path))
    before: dict[str, UUID | None] = {}
    after: dict[str, UUID] = {}
    for kill in range(4 * KILLS):
        if kill >= KILLS and None in before.values():
            break
        with running_server(database_url, redis_url, workers=0, ready=False) as doomed:
            async with two_clients(doomed, second_api) as (first, second):
                keys = [f"kill {kill}, submit {n}" for n in range(IN_FLIGHT)]
                asking = [asyncio.create_task(_perhaps(first, key)) for key in keys]
                await _answered(asking, rng.randrange(1, IN_FLIGHT - 5))
                doomed.api.kill()
                before |= zip(keys, await asyncio.gather(*asking), strict=True)
                after |= zip(keys, await asyncio.gather(*(second.ask(key) for key in keys)), strict=True)
    unanswered = sum(job_id is None for job_id in before.values())
    assert 0 < unanswered < len(before)
    figures.note("P16", "submits whose answer died with the API", unanswered)
    assert {key: after[key] for key, job_id in before.items() if job_id} == {
        key: job_id for key, job_id in before.items() if job_id
    }
    rows = await _rows()
    figures.exactly("P16", "jobs lost or doubled of keys that were sent twice", len(rows) - len(before), 0)
    assert {row["id"] for row in rows} == set(after.values())
    await _ran_once_each(effects, rows)


async def test_a_batch_has_one_key_for_all_of_its_rows(
    services: Services, workers: Workers, effects: Effects, figures: Figures
) -> None:
    await workers.start(slots=2)
    viewer = await local_owner()

    def batch(last: int) -> list[NewJob]:
        options = JobOptions(idempotency_key="a batch")
        numbers = [0, 1, 2, 3, last]
        return [NewJob("TEST_NOOP", {"effects": str(effects.path), "n": n}, options=options) for n in numbers]

    answers = await asyncio.gather(
        *(submit_many(viewer, batch(4), services=services) for _ in range(AT_ONCE))
    )
    ids = {tuple(job.id for job in answer) for answer in answers}
    figures.exactly("P16", "batches of 50 concurrent submits with one key", len(ids), 1)
    assert [job.params["n"] for job in answers[0]] == [0, 1, 2, 3, 4]
    assert len(await _rows()) == 5
    for other in (batch(5), batch(4)[:4], batch(4) + batch(4)[:1]):
        with pytest.raises(Conflict):
            await submit_many(viewer, other, services=services)
    assert len(await _rows()) == 5


async def _answered(asking: list[asyncio.Task[UUID | None]], number: int) -> None:
    while sum(task.done() for task in asking) < number:
        await asyncio.sleep(0.001)


async def _perhaps(client: Films, key: str) -> UUID | None:
    """None where no answer came."""
    try:
        return await client.ask(key)
    except httpx.TransportError:
        return None


async def _outcome(client: Films, key: str, quality: str) -> str:
    try:
        return str(await client.ask(key, quality=quality))
    except Failed as failure:
        return str(failure.code)


async def _rows() -> list[dict[str, UUID]]:
    return await sql.rows("SELECT id FROM jobs")


async def _ran_once_each(effects: Effects, rows: list[dict[str, UUID]]) -> None:
    await quiet()
    assert sorted(effects.jobs("ran")) == sorted(str(row["id"]) for row in rows)
