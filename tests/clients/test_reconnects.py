"""Clients that lose their connection: they come back by themselves, and with a cursor they miss nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext

from domain.accounts import local_owner
from tests.clients.scripts import both, connected, follow, follows_to_the_end
from tests.support.fault_proxy import FaultProxy
from tests.support.job_world import job_services
from tests.support.live_api import LiveApi
from tests.support.live_jobs import LiveJob, running
from tests.support.server import address, environment, lasting_port, starling, stop

MANY = 10_000


async def _is_cut_off(proxy: FaultProxy, job: LiveJob, missed: list[float]) -> None:
    """And cannot come back before the job is that far."""
    proxy.refuse()
    proxy.reset()
    for progress in missed:
        await job.report(progress)
    proxy.heal()


@both
async def test_who_is_cut_off_comes_back_and_misses_nothing(client: str, live: LiveApi) -> None:
    job = await live.job()
    async with (
        FaultProxy.before(live.base_url) as proxy,
        connected(client, proxy.url, retryAttempts=MANY) as returning,
    ):
        await follow(returning, job, resume=True)
        for round in range(3):
            missed = [10.0 * round + number for number in (1, 2, 3)]
            await _is_cut_off(proxy, job, missed)
            assert [(await returning.update("job"))["progress"] for _ in missed] == missed
        await follows_to_the_end(returning, job, 50.0)


@both
async def test_without_a_cursor_it_has_how_it_is_now_and_what_follows(client: str, live: LiveApi) -> None:
    job = await live.job()
    async with (
        FaultProxy.before(live.base_url) as proxy,
        connected(client, proxy.url, retryAttempts=MANY) as returning,
    ):
        await follow(returning, job)
        await _is_cut_off(proxy, job, [1.0, 2.0, 3.0])
        assert (await returning.update("job"))["progress"] == 3.0
        await follows_to_the_end(returning, job, 50.0)


@both
async def test_one_that_does_not_try_again_is_told_of_its_loss(client: str, live: LiveApi) -> None:
    job = await live.job()
    async with (
        FaultProxy.before(live.base_url) as proxy,
        connected(client, proxy.url, retryAttempts=0) as giving_up,
    ):
        await follow(giving_up, job)
        proxy.reset()
        assert (await giving_up.of("job"))["error"]
        await giving_up.do("subscribe", name="again", query="subscription { allJobUpdates { status } }")
        assert (await giving_up.update("again"))["status"] == "PROCESSING"


@contextmanager
def _served(port: int, given: dict[str, str], log: Path) -> Iterator[None]:
    process = starling(["api", "--port", str(port)], given, log)
    try:
        address(process, log)
        yield
    finally:
        assert stop(process) == 0


@pytest.mark.slow
async def test_a_server_that_was_restarted_is_gone_on_with(
    database: TortoiseContext, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = lasting_port()
    given = environment(tmp_path / "home", DATABASE_URL=database_url, REDIS_URL=redis_url)
    url = f"http://127.0.0.1:{port}"
    async with (
        job_services(redis_url, tmp_path) as services,
        connected("graphql_ws", url, retryAttempts=MANY) as graphql_ws,
        connected("urql", url, retryAttempts=MANY) as urql,
    ):
        job = await running(await local_owner(), services)
        missed: list[float] = []
        for first in (10.0, 20.0):
            with _served(port, given, tmp_path / f"{first}.log"):
                for client in (graphql_ws, urql):
                    if not missed:
                        await follow(client, job, resume=True)
                    assert [(await client.update("job"))["progress"] for _ in missed] == missed
                await job.report(first)
                for client in (graphql_ws, urql):
                    assert (await client.update("job"))["progress"] == first
            missed = [first + 1, first + 2]
            for progress in missed:
                await job.report(progress)
        await job.complete()
        with _served(port, given, tmp_path / "last.log"):
            for client in (graphql_ws, urql):
                assert [(await client.update("job"))["progress"] for _ in (*missed, 100)] == [*missed, 100]
                assert await client.of("job") == {"name": "job", "complete": True}
