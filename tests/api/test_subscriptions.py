"""Live updates: first how it is, then every change, then the end; and nothing is left running."""

from __future__ import annotations

import asyncio
from typing import Any

from db.particles import ParticleSystem
from domain import particles
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.graphql_http import Api
from tests.support.graphql_ws import Socket, socket
from tests.support.inprocess import until
from tests.support.queries import counted
from tests.support.rows import a_job, a_system, an_asset

SYSTEM = """subscription ($id: ID!) { particleSystemUpdates(id: $id) {
  name config { fps } audio { id } jobs(first: 1) { totalCount } } }"""
JOB = """subscription ($id: ID!, $after: String) { jobUpdates(id: $id, after: $after) {
  cursor status progress stage message at
  job { id status outputs { role } subject { ... on ParticleSystem { name } } } } }"""
ALL = """subscription ($filter: JobFilter, $after: String) { allJobUpdates(filter: $filter, after: $after) {
  cursor status job { id } } }"""
RENDER = "mutation ($id: ID!) { renderParticleSystem(id: $id) { id status } }"
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id status cancelRequested } }"


async def next_of(client: Socket, field: str) -> Any:
    frame = await client.receive()
    assert frame["type"] == "next", frame
    return frame["payload"]["data"][field]


async def test_a_system_is_followed_until_it_is_deleted(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    system = await a_system(viewer)
    song = await an_asset(viewer)
    async with socket(base_url) as client:
        id = await client.subscribe(SYSTEM, id=str(system.id))
        first = await next_of(client, "particleSystemUpdates")
        assert (first["name"], first["audio"], first["jobs"]["totalCount"]) == (system.name, None, 0)

        await a_job(viewer, subject_type=particles.SUBJECT, subject_id=str(system.id))
        await particles.update(
            viewer, system.id, {"name": "new", "config": {"fps": 25}, "audio_id": song.id}, services=services
        )
        second = await next_of(client, "particleSystemUpdates")
        assert (second["name"], second["config"], second["audio"]) == (
            "new",
            {"fps": 25},
            {"id": str(song.id)},
        )
        assert second["jobs"]["totalCount"] == 1  # loaded anew, not remembered from the first event

        await particles.delete(viewer, system.id, services=services)
        assert await client.receive() == {"id": id, "type": "complete"}


async def test_a_job_is_followed_to_its_end(base_url: str, graphql: Api, viewer: Viewer) -> None:
    system = await a_system(viewer)
    job = (await graphql.run(RENDER, id=str(system.id)))["renderParticleSystem"]
    assert job["status"] == "PENDING"
    async with socket(base_url) as client:
        updates = client.updates(JOB, id=job["id"])
        first = (await anext(updates))["jobUpdates"]
        assert (first["status"], first["progress"], first["job"]["id"]) == ("PENDING", 0, job["id"])
        assert first["job"]["subject"] == {"name": system.name}
        cancelled = (await graphql.run(CANCEL, id=job["id"]))["cancelJob"]
        assert cancelled["status"] == "CANCELLED"
        rest = [data["jobUpdates"] async for data in updates]
        assert [update["status"] for update in rest] == ["CANCELLED"]

        replayed = [
            data["jobUpdates"] async for data in client.updates(JOB, id=job["id"], after=first["cursor"])
        ]
        assert [update["cursor"] for update in replayed] == [rest[0]["cursor"]]
        ended = [data["jobUpdates"] async for data in client.updates(JOB, id=job["id"])]
        assert [update["status"] for update in ended] == ["CANCELLED"]


async def test_a_cursor_of_another_subscription_is_refused(
    base_url: str, graphql: Api, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    jobs = [(await graphql.run(RENDER, id=str(system.id)))["renderParticleSystem"]["id"] for _ in range(2)]
    async with socket(base_url) as client:
        cursor = (await anext(client.updates(JOB, id=jobs[0])))["jobUpdates"]["cursor"]
        for query, variables in (
            (JOB, {"id": jobs[1], "after": cursor}),
            (JOB, {"id": jobs[0], "after": ""}),
            (ALL, {"after": cursor}),
        ):
            id = await client.subscribe(query, **variables)
            frame = await client.receive()
            assert (frame["type"], frame["id"]) == ("error", id)
            assert frame["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT", "field": "after"}


async def test_all_jobs_are_followed_from_where_one_was(base_url: str, graphql: Api, viewer: Viewer) -> None:
    system = await a_system(viewer)
    first = (await graphql.run(RENDER, id=str(system.id)))["renderParticleSystem"]["id"]
    async with socket(base_url) as client:
        updates = client.updates(ALL)
        seen = (await anext(updates))["allJobUpdates"]
        assert (seen["job"]["id"], seen["status"]) == (first, "PENDING")
        second = (await graphql.run(RENDER, id=str(system.id)))["renderParticleSystem"]["id"]
        added = (await anext(updates))["allJobUpdates"]
        assert (added["job"]["id"], added["status"]) == (second, "PENDING")
    await graphql.run(CANCEL, id=first)
    async with socket(base_url) as client:
        missed = (await anext(client.updates(ALL, after=added["cursor"])))["allJobUpdates"]
        assert (missed["job"]["id"], missed["status"]) == (first, "CANCELLED")
    async with socket(base_url) as client:
        only = client.updates(ALL, filter={"status": ["PENDING"]})
        assert (await anext(only))["allJobUpdates"]["job"]["id"] == second


async def test_nothing_runs_on_when_a_client_completes_or_goes(
    base_url: str, graphql: Api, viewer: Viewer
) -> None:
    system = await a_system(viewer)
    job = (await graphql.run(RENDER, id=str(system.id)))["renderParticleSystem"]
    followed = {SYSTEM: {"id": str(system.id)}, JOB: {"id": job["id"]}, ALL: {}}
    async with socket(base_url) as client:
        await client.subscribe("{ viewer { authMode } }")
        await client.receive()
        await client.receive()
        idle = len(asyncio.all_tasks())
        begun = [await client.subscribe(query, **said) for query, said in followed.items() for _ in range(10)]
        for _ in begun:
            assert (await client.receive())["type"] == "next"
        await until(lambda: len(asyncio.all_tasks()) == idle + len(followed))  # one for all who ask the same
        for id in begun:
            await client.send({"type": "complete", "id": id})
        await until(lambda: len(asyncio.all_tasks()) <= idle)

        for query, said in followed.items():
            await client.subscribe(query, **said)
            assert (await client.receive())["type"] == "next"
        client.connection.transport.abort()  # no close frame: the machine is gone
    await until(lambda: len(asyncio.all_tasks()) < idle)


async def test_an_event_costs_one_statement(base_url: str, viewer: Viewer, services: Services) -> None:
    system = await a_system(viewer)
    query = "subscription ($id: ID!) { particleSystemUpdates(id: $id) { name config { fps } } }"
    async with socket(base_url) as client:
        await client.subscribe(query, id=str(system.id))
        await client.receive()
        await ParticleSystem.filter(id=system.id).update(name="new", version=2)
        with counted() as queries:
            await services.events.nudge(f"particles:{system.id}")
            assert (await next_of(client, "particleSystemUpdates"))["name"] == "new"
            assert queries.count == 1, queries.statements
