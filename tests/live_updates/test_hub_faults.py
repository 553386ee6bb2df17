"""What goes wrong with one member, or with the execution that serves a group, ends nobody else's updates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from domain.accounts import Viewer
from domain.ports import Services
from domain.watching import Version
from resolvers.parts import Following
from schema.build import schema
from schema.live import hub as live_hub
from schema.live import members
from schema.live.hub import Hub
from schema.live.members import Member
from schema.starling import StarlingSchema
from tests.support.graphql_ws import Socket, socket
from tests.support.live_jobs import JOB, running


class Failing:
    """Executions for groups that fail as often as a test says, and count."""

    def __init__(self) -> None:
        self.times = self.begun = 0


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    told = Failing()
    stream = StarlingSchema.stream

    async def for_groups(self: StarlingSchema, query: str, *args: Any, **options: Any) -> Any:
        if isinstance(options["context_value"].part, Following):
            told.begun += 1
            if told.begun <= told.times:
                raise ValueError("in a group")
        return await stream(self, query, *args, **options)

    monkeypatch.setattr(StarlingSchema, "stream", for_groups)
    yield told


async def test_a_socket_waits_for_its_own_groups_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_hub, "SETTLE_SECONDS", 0.01)
    hub = Hub(schema())
    hanging = asyncio.create_task(asyncio.Event().wait(), name="a group that takes long to end")
    hub.await_end(hanging)  # type: ignore[arg-type]
    async with asyncio.timeout(5.0):
        await hub.settle(())
        await hub.settle([SimpleNamespace(members={}, task=hanging)])  # type: ignore[list-item]
    assert not hanging.done()
    hanging.cancel()


async def progress_of(client: Socket) -> float:
    frame = await client.receive()
    assert frame["type"] == "next", frame
    return float(frame["payload"]["data"]["jobUpdates"]["progress"])


@pytest.mark.parametrize("method", ["take", "ends"])
async def test_who_cannot_be_told_goes_on_alone_and_the_others_do_not_notice(
    method: str, base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await running(viewer, services)
    sound = getattr(Member, method)
    failures: list[Any] = []

    def failing_once(self: Member, *told: Any) -> Any:
        if self.id == "1" and not failures:
            failures.append(told)
            raise ValueError("of this member alone")
        return sound(self, *told)

    monkeypatch.setattr(Member, method, failing_once)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(socket(base_url)) for _ in range(4)]
        for number, client in enumerate(clients):
            await client.subscribe(JOB, str(number), id=job.id)
            assert await progress_of(client) == 0.0
        await asyncio.sleep(0.05)
        for progress in (10.0, 20.0):
            await job.report(progress)
            assert [await progress_of(client) for client in clients] == [progress] * 4
        await job.complete()
        assert [await progress_of(client) for client in clients] == [100.0] * 4
        assert [(await client.receive())["type"] for client in clients] == ["complete"] * 4
    assert len(failures) == 1


async def test_members_of_a_group_that_failed_are_told_everything(
    base_url: str, viewer: Viewer, services: Services, failing: Failing
) -> None:
    failing.times = 1
    job = await running(viewer, services)
    async with socket(base_url) as client:
        await client.subscribe(JOB, id=job.id)
        assert await progress_of(client) == 0.0
        for progress in (10.0, 20.0):
            await job.report(progress)
            assert await progress_of(client) == progress
        await job.complete()
        assert await progress_of(client) == 100.0
        assert (await client.receive())["type"] == "complete"
    assert failing.begun == 2


async def test_a_group_that_fails_again_is_an_error_and_never_the_end(
    base_url: str, viewer: Viewer, services: Services, failing: Failing
) -> None:
    failing.times = 100
    job = await running(viewer, services)
    async with socket(base_url) as client:
        id = await client.subscribe(JOB, id=job.id)
        assert await progress_of(client) == 0.0
        frame = await client.receive()
        assert (frame["id"], frame["type"]) == (id, "error")
        assert frame["payload"] == [{"message": "Internal error", "extensions": {"code": "INTERNAL"}}]
        await client.is_told_nothing()
    assert failing.begun == 2


async def test_a_reading_that_fails_is_an_error_and_never_the_end(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise ValueError("in an opening")

    monkeypatch.setattr(Member, "_read", broken)
    async with socket(base_url) as client:
        await client.subscribe(JOB, id=(await running(viewer, services)).id)
        assert (await client.receive())["type"] == "error"


async def test_who_finds_nothing_and_may_not_join_asks_slower_and_slower(
    base_url: str, viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mark that leads into no group is a fault; it must not become a loop."""
    job = await running(viewer, services)
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def noting(seconds: float, *result: Any) -> Any:
        task = asyncio.current_task()
        if seconds >= members.FIRST_PAUSE_SECONDS and task is not None and task.get_name() == "live-member":
            pauses.append(seconds)
            seconds = 0.0
        return await sleep(seconds, *result)

    async with socket(base_url) as client:
        monkeypatch.setattr(Version, "covers", lambda *_: False)
        monkeypatch.setattr(asyncio, "sleep", noting)
        await client.subscribe(JOB, id=job.id)
        assert await progress_of(client) == 0.0
        async with asyncio.timeout(10.0):
            while len(pauses) < 7:
                await sleep(0.01)
        monkeypatch.undo()
        assert pauses[:7] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
        await job.report(10.0)
        assert await progress_of(client) == 10.0
