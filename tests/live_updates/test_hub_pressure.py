"""Members of a group whose sockets take nothing for a while, or that leave in the middle."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import orjson
import psutil
import pytest

from app import graphql_socket
from db import sql
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.ports import Services
from domain.watching import Version
from schema.live import groups as live_groups
from schema.live import turns
from schema.live.members import Member
from schema.live.writers import QueuedWriter
from tests.support.graphql_ws import socket
from tests.support.held_sockets import fill, held_for
from tests.support.inprocess import nothing_left, served, subscribers, until
from tests.support.live_jobs import ALL, JOB, running
from tests.support.raw_ws import KERNEL_BYTES, RawSocket, begun

MEGABYTE = 1024**2
HOUR_OF_EVENTS = 14_400
EVENTS = """WITH moved AS (UPDATE jobs SET version = version + $2 WHERE id = $1 RETURNING *)
INSERT INTO job_events (xid, job_id, owner_id, version, epoch, state, progress, stage, message, at)
SELECT pg_current_xact_id()::text::bigint, id, owner_id, version - $2 + n, epoch, state, n / 1000.0, NULL,
  repeat('x', 200), now() FROM moved, generate_series(1, $2::int) n"""


async def told(client: RawSocket, until_progress: float) -> list[float]:
    found: list[float] = []
    while found[-1:] != [until_progress]:
        (update,) = (await client.json())["payload"]["data"].values()
        found.append(update["progress"])
    return found


async def test_who_stalls_shortly_is_told_everything(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client, socket(base_url) as other:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        await other.subscribe(JOB, id=job.id)
        await other.update()
        last = await fill(job, held_for(client), other)
        steps = [50.0 + number for number in range(live_groups.MOST_FRAMES // 2)]
        for progress in steps:
            await job.report(progress)
        found = await told(client, steps[-1])
        assert found == [0.01 * number for number in range(round(last / 0.01) + 1)] + steps
    assert ("starling_subscription_conflations_total", "jobUpdates") not in services.tallies.totals()


@pytest.mark.parametrize("query", [JOB, ALL], ids=["one job", "all jobs"])
@pytest.mark.parametrize("ends_before", [False, True], ids=["then it ends", "it ended before"])
async def test_who_stalls_for_long_is_told_the_newest_and_the_end(
    query: str, ends_before: bool, base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client, socket(base_url) as other:
        await client.subscribe("1", query, id=job.id)
        await client.json()
        await fill(job, held_for(client))
        await other.subscribe(query, **({"id": job.id} if query is JOB else {}))
        await other.receive()
        steps = [10.0 + number / 10 for number in range(3 * live_groups.MOST_FRAMES)]
        for progress in steps:
            await job.report(progress)
        for progress in steps:  # who reads is told every change meanwhile
            (update,) = (await other.receive())["payload"]["data"].values()
            assert update["progress"] == progress
        if ends_before:
            await job.complete()
            assert (await told(client, 100.0))[-2] < steps[0]
        else:
            found = await told(client, steps[-1])
            assert found == sorted(found)
            assert len(found) < len(steps)
            await job.complete()
            assert await told(client, 100.0) == [100.0]
        if query is JOB:
            assert await client.json() == {"id": "1", "type": "complete"}
    name = "jobUpdates" if query is JOB else "allJobUpdates"
    assert services.tallies.totals()["starling_subscription_conflations_total", name] == 1


async def test_an_answer_has_its_turn_before_the_next_update(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        for number in range(10):
            await client.subscribe(str(number), JOB, id=job.id)
            await client.json()
        held = held_for(client)
        await fill(job, held)
        await client.send({"type": "ping"})
        await until(lambda: held.outlet._in_turn > 0)
        for number in range(20):
            await job.report(50.0 + number)
        kinds = [await client.json()]
        while kinds[-1]["type"] != "pong":
            kinds.append(await client.json())
        assert all(frame["payload"]["data"]["jobUpdates"]["progress"] < 50.0 for frame in kinds[:-1])
        last: dict[str, float] = {}
        while set(last.values()) != {69.0} or len(last) < 10:
            frame = await client.json()
            progress = frame["payload"]["data"]["jobUpdates"]["progress"]
            assert progress > last.get(frame["id"], -1.0)
            last[frame["id"]] = progress


async def test_who_leaves_in_mid_delivery_is_told_nothing_more(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group lets others go on after each member here: they leave while it tells the rest."""
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    job = await running(viewer, services)
    async with begun(base_url) as client:
        for round in range(5):
            for number in range(20):
                await client.subscribe(f"{round} {number}", JOB, id=job.id)
                await client.json()
            changing = asyncio.create_task(job.report(round + 1.0))
            await asyncio.sleep(0.002 * round)
            for number in range(20):
                await client.send({"type": "complete", "id": f"{round} {number}"})
            await client.send({"type": "ping"})
            while (frame := await client.json())["type"] != "pong":
                assert frame["id"].startswith(f"{round} ")
            await changing
            await until(lambda: subscribers(services) == 0)


async def test_a_deleted_job_completes_for_all(base_url: str, viewer: Viewer, services: Services) -> None:
    job = await running(viewer, services)
    async with socket(base_url) as client:
        ids = {await client.subscribe(JOB, id=job.id) for _ in range(5)}
        for _ in ids:
            await client.receive()
        await sql.run("DELETE FROM jobs")
        await services.events.nudge(jobs.topic(job.row.id))
        ends = [await client.receive() for _ in ids]
        assert {(end["id"], end["type"]) for end in ends} == {(id, "complete") for id in ids}


async def test_where_the_server_gives_no_outlet_a_task_writes(
    services: Services, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql_socket, "OUTLET", "of another server")
    job = await running(viewer, services)
    async with (
        served(services) as base_url,
        nothing_left(services),
        socket(base_url) as client,
        begun(base_url, KERNEL_BYTES) as stalled,
    ):
        await stalled.subscribe("1", JOB, id=job.id)
        ids = {await client.subscribe(JOB, id=job.id) for _ in range(5)}
        for _ in ids:
            assert (await client.receive())["type"] == "next"
        await fill(job, held_for(stalled))
        for number in range(100):
            await job.report(50.0 + number / 10)
        await job.complete()
        last: dict[str, Any] = {}
        while ids:
            frame = await client.receive()
            if frame["type"] == "complete":
                assert last[frame["id"]] == 100.0
                ids.remove(frame["id"])
            else:
                last[frame["id"]] = frame["payload"]["data"]["jobUpdates"]["progress"]
        assert (await told(stalled, 100.0))[-2:-1] != [100.0]
        assert (await stalled.json())["type"] == "complete"


async def test_who_is_behind_keeps_no_frame(base_url: str, viewer: Viewer, services: Services) -> None:
    job = await running(viewer, services)
    async with begun(base_url, KERNEL_BYTES) as client:
        await client.subscribe("1", JOB, id=job.id)
        await client.json()
        await fill(job, held_for(client))
        (member,) = [found for found in gc.get_objects() if type(found) is Member and found.group is not None]
        await job.report(99.0)  # the one that its socket does not take
        await until(lambda: member.behind is not None)
        assert isinstance(member.behind, Version)


async def test_a_writer_that_is_closed_before_it_began_to_write_leaves_nobody_waiting() -> None:
    sent: list[str] = []

    async def send(text: str) -> None:
        sent.append(text)

    writer = QueuedWriter(send)
    assert writer.write_now(b"a", b"b")
    await writer.close()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(writer.write_in_turn(b"a", b"b"), 1.0)
    assert sent == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_an_hour_of_events_leaves_nothing_behind(
    base_url: str, viewer: Viewer, services: Services
) -> None:
    """Four a second; and one reader that takes nothing all the while."""
    job = await running(viewer, services)
    process = psutil.Process()
    async with begun(base_url) as client, begun(base_url, KERNEL_BYTES) as stalled:
        for reader in (client, stalled):
            await reader.subscribe("1", JOB, id=job.id)
            await reader.json()
        sizes, objects, count = [], [], 0
        for _ in range(12):
            first = count
            while count < first + HOUR_OF_EVENTS // 12:
                await sql.run(EVENTS, job.row.id, 100)
                await services.events.nudge(jobs.topic(job.row.id))
                for _ in range(100):
                    frame = await client.read()
                    assert frame is not None
                count += 100
            gc.collect()
            sizes.append(process.memory_info().rss)
            objects.append(len(gc.get_objects()))
        assert frame is not None
        assert orjson.loads(frame.data)["payload"]["data"]["jobUpdates"]["progress"] == 0.1
    assert count == HOUR_OF_EVENTS
    assert (max(sizes) - sizes[2]) / MEGABYTE < 2, sizes
    assert max(objects) - objects[2] < 1_000, objects
    assert await Job.get(id=job.row.id)
