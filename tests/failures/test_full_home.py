"""P15 where everything lies on one disk, as `starling serve` has it: the engines' own files too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.engines import Home
from db.connection import open_database
from tests.support import invariants
from tests.support.figures import Figures
from tests.support.full_disk import filled, small_disk
from tests.support.graphql_http import Api, Failed, api
from tests.support.serve_command import Serving, serving

CREATE = """mutation ($name: String!, $config: ParticleConfigInput) {
  createParticleSystem(input: {name: $name, particleType: SNOW, config: $config}) { id } }"""
RENDER = "mutation ($id: ID!) { renderParticleSystem(id: $id, input: {quality: HIGH}) { id } }"
JOB = "query ($id: ID!) { job(id: $id) { status progress error { code message } video { url size } } }"
COUNT = "{ particleSystems(first: 1) { totalCount } }"
FILM = {"width": 640, "height": 360, "fps": 30, "duration": 8, "particleCount": 400}
PASSES = {"STORAGE_FULL", "UNAVAILABLE"}


async def within(seconds: float, claim: Callable[[], Awaitable[bool]]) -> float:
    """How long it took until the claim held."""
    began = time.monotonic()
    while not await claim():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.promise("P15")
@pytest.mark.slow
@pytest.mark.timeout(300)  # the first start on a machine compiles kernels
async def test_a_full_disk_under_everything_is_said_survived_and_passes(
    left_behind: Path, figures: Figures
) -> None:
    with small_disk(left_behind / "home", 256 * 1024) as disk, serving(disk, workers=1) as running:
        async with api(running.url) as graphql:
            await within(240.0, lambda: is_ready(graphql))
            film = (await graphql.run(CREATE, name="film", config=FILM))["createParticleSystem"]["id"]
            job_id = (await graphql.run(RENDER, id=film))["renderParticleSystem"]["id"]
            await within(60.0, lambda: has_begun(graphql, job_id))
            with filled(disk):
                made = await _until_refused(graphql, figures)
                await _until_the_database_ends(running)
                refusal = await graphql.refusal(CREATE, name="while it is away")
                assert refusal.code in PASSES, refusal
                listed = await graphql.client.get("/particles/jobs")
                assert listed.status_code in (503, 507), listed.text
                assert (await graphql.client.get("/health")).status_code == 200
                await asyncio.sleep(3.0)  # it is started again in vain meanwhile
            took = await within(90.0, lambda: is_ready(graphql))
            figures.within("P15", "everything works after room was made on the disk of all", took, 15.0)
            assert (await graphql.run(COUNT))["particleSystems"]["totalCount"] == made + 1
            await within(120.0, lambda: has_ended(graphql, job_id))
            job = (await graphql.run(JOB, id=job_id))["job"]
            assert job["status"] == "COMPLETED", job
            content = (await graphql.client.get(job["video"]["url"])).content
            assert len(content) == job["video"]["size"]
            addresses = Home(disk).running()
            assert addresses is not None
            async with open_database(addresses.database_url):
                await invariants.check(disk / "files")
        assert running.stop() == 0


async def is_ready(graphql: Api) -> bool:
    try:
        return (await graphql.client.get("/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def has_begun(graphql: Api, job_id: str) -> bool:
    return bool((await graphql.run(JOB, id=job_id))["job"]["progress"] > 10.0)


async def has_ended(graphql: Api, job_id: str) -> bool:
    return (await graphql.run(JOB, id=job_id))["job"]["status"] in ("COMPLETED", "FAILED")


async def _until_refused(graphql: Api, figures: Figures) -> int:
    """Systems are made until their table does not fit any more; the number of those that were accepted."""
    for number in range(3000):
        try:
            await graphql.run(CREATE, name=f"system {number}", config=FILM)
        except Failed as failure:
            assert (failure.code, failure.message) == ("STORAGE_FULL", "The disk of the database is full")
            assert (await graphql.run(COUNT))["particleSystems"]["totalCount"] == number + 1
            return number
    raise AssertionError("the database found room for everything")


async def _until_the_database_ends(running: Serving) -> None:
    """It needs a further segment of its log, which does not fit: PostgreSQL ends itself (PANIC)."""
    before = running.pids()["postgres"]
    addresses = Home(running.home).running()
    assert addresses is not None
    began = time.monotonic()
    while running.pids().get("postgres") == before:
        assert time.monotonic() - began < 30.0, "the log found room"
        try:
            await _write_log(addresses.database_url)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await asyncio.sleep(0.2)


async def _write_log(url: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))")
        await connection.execute("SELECT pg_switch_wal()")
    finally:
        await connection.close()
