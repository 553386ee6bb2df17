"""One document and one set of variables, viewers with different rights: nobody sees what is another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import uuid4

import pytest

from db.accounts import User
from domain import particles
from domain.accounts import Role, Viewer
from domain.ports import Services
from tests.support.graphql_ws import Socket, socket
from tests.support.inprocess import VIEWER_HEADER, nothing_left, served
from tests.support.live_jobs import ALL, JOB, running
from tests.support.rows import a_system

SYSTEM = "subscription ($id: ID!) { particleSystemUpdates(id: $id) { name jobs(first: 5) { totalCount } } }"


@pytest.fixture
async def viewers(viewer: Viewer) -> dict[str, Viewer]:
    row = await User.create(id=uuid4(), username="stranger", role="ADMIN")
    stranger = Viewer(row.id, row.username, Role.ADMIN, row.created_at)
    return {"owner": viewer, "stranger": stranger, "same_but_reads_only": replace(viewer, role=Role.VIEWER)}


@pytest.fixture
async def base_url(services: Services, viewers: dict[str, Viewer]) -> AsyncIterator[str]:
    """And nothing of what the test began is left when it is over."""
    async with served(services, viewers=viewers) as url, nothing_left(services):
        yield url


async def socket_of(name: str, base_url: str, stack: AsyncExitStack) -> Socket:
    return await stack.enter_async_context(socket(base_url, additional_headers={VIEWER_HEADER: name}))


async def is_refused(client: Socket, query: str, **variables: object) -> None:
    id = await client.subscribe(query, **variables)
    frame = await client.receive()
    assert (frame["id"], frame["type"]) == (id, "error")
    assert frame["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def progress(client: Socket) -> float:
    return float((await client.update())["progress"])


async def test_a_job_is_followed_by_its_owner_alone(
    base_url: str, viewers: dict[str, Viewer], services: Services
) -> None:
    job = await running(viewers["owner"], services)
    async with AsyncExitStack() as stack:
        stranger = await socket_of("stranger", base_url, stack)
        await is_refused(stranger, JOB, id=job.id)  # the first to ask
        owners = [await socket_of("owner", base_url, stack) for _ in range(3)]
        for client in owners:
            await client.subscribe(JOB, id=job.id)
            cursor = (await client.receive())["payload"]["data"]["jobUpdates"]["cursor"]
        await is_refused(stranger, JOB, id=job.id)  # while others follow it
        await is_refused(stranger, JOB, id=job.id, after=cursor)
        await job.report(10.0)
        assert [await progress(client) for client in owners] == [10.0] * 3
        await stranger.is_told_nothing()
        for client in owners:
            await client.connection.close()
        await is_refused(stranger, JOB, id=job.id)  # after they are gone


async def test_everybodys_jobs_are_their_own(
    base_url: str, viewers: dict[str, Viewer], services: Services
) -> None:
    jobs = {name: await running(viewers[name], services) for name in ("owner", "stranger")}
    async with AsyncExitStack() as stack:
        clients = {name: [await socket_of(name, base_url, stack) for _ in range(2)] for name in jobs}
        for name, of_one in clients.items():
            for client in of_one:
                await client.subscribe(ALL)
                update = (await client.receive())["payload"]["data"]["allJobUpdates"]
                assert update["job"]["id"] == jobs[name].id
        for number in range(1, 11):
            for place, (name, job) in enumerate(jobs.items()):
                await job.report(number + 50.0 * place)
                assert [await progress(client) for client in clients[name]] == [number + 50.0 * place] * 2
        for client in (*clients["owner"], *clients["stranger"]):
            await client.is_told_nothing()


async def test_anothers_cursor_of_all_jobs_shows_nothing_of_theirs(
    base_url: str, viewers: dict[str, Viewer], services: Services
) -> None:
    job = await running(viewers["owner"], services)
    async with AsyncExitStack() as stack:
        owner, stranger = [await socket_of(name, base_url, stack) for name in ("owner", "stranger")]
        await owner.subscribe(ALL)
        cursor = (await owner.receive())["payload"]["data"]["allJobUpdates"]["cursor"]
        await job.report(10.0)
        await stranger.subscribe(ALL, "all", after=cursor)
        mine = await running(viewers["stranger"], services)
        update = (await stranger.receive())["payload"]["data"]["allJobUpdates"]
        assert update["job"]["id"] == mine.id


async def test_the_same_person_with_fewer_rights_is_served_beside(
    base_url: str, viewers: dict[str, Viewer], services: Services
) -> None:
    job = await running(viewers["owner"], services)
    async with AsyncExitStack() as stack:
        clients = [
            await socket_of(name, base_url, stack) for name in ("owner", "same_but_reads_only") for _ in "12"
        ]
        for client in clients:
            await client.subscribe(JOB, id=job.id)
            await progress(client)
        for number in (10.0, 20.0):
            await job.report(number)
            assert [await progress(client) for client in clients] == [number] * 4
        await clients[0].connection.close()
        await clients[1].connection.close()
        await job.complete()
        for client in clients[2:]:
            assert await progress(client) == 100.0
            assert (await client.receive())["type"] == "complete"


async def test_a_system_is_followed_by_its_owner_alone(
    base_url: str, viewers: dict[str, Viewer], services: Services
) -> None:
    system = await a_system(viewers["owner"])
    async with AsyncExitStack() as stack:
        owner, stranger = [await socket_of(name, base_url, stack) for name in ("owner", "stranger")]
        await owner.subscribe(SYSTEM, id=str(system.id))
        assert (await owner.receive())["type"] == "next"
        await is_refused(stranger, SYSTEM, id=str(system.id))
        await particles.update(viewers["owner"], system.id, {"name": "new"}, services=services)
        frame = await owner.receive()
        assert frame["payload"]["data"]["particleSystemUpdates"]["name"] == "new"
        await stranger.is_told_nothing()
