"""Machines whose clocks are wrong by an hour, or jump: only the database's clock counts.

Each test first shows that the clocks really are wrong: effects are written with the time of their process.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tortoise.context import TortoiseContext

from app.storage import STAGING, FolderFiles
from db import sql
from db.assets import Asset
from db.jobs import Job
from domain.accounts import local_owner
from domain.jobs import JobOptions, Priority, cancel
from domain.ports import Services
from tests.rest.songs import kick_wav
from tests.support import invariants
from tests.support.clocks import HOUR_SECONDS, JumpingClock, shifted
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.graphql_http import Api, api
from tests.support.graphql_ws import socket
from tests.support.job_submitter import submitting
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until
from tests.support.processes import ROOT
from tests.support.server import address, environment, running_server, starling, stop

AHEAD, BEHIND = shifted(1), shifted(-1)
_HOURS = {"ahead": 1, "behind": -1, "true": 0}
held = pytest.mark.usefixtures("invariants")


def shifts(effects: Effects, word: str) -> dict[int, float]:
    """pid: by how many hours the clock of that process is ahead, as its effects tell, from its last one."""
    now = time.time()
    return {each.pid: round((each.at - now) / HOUR_SECONDS) for each in effects.all() if each.word == word}


async def three(workers: Workers, slots: int, children: int = 0) -> dict[int, float]:
    """pid: hours ahead, of three workers that disagree about the time."""
    started = {}
    for hours, clock in ((1, AHEAD), (-1, BEHIND), (0, {})):
        started[(await workers.start(slots, children, **clock)).pid] = float(hours)
    return started


@pytest.mark.xdist_group("waiting")
@held
@pytest.mark.promise("P3")
@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_leases_hold_and_lapse_by_the_databases_clock(
    services: Services, workers: Workers, effects: Effects, figures: Figures
) -> None:
    """Jobs that outlast a lease, in three workers; the one whose clock is ahead is killed in the middle."""
    clocks = await three(workers, slots=1, children=1)
    jobs = [
        await submitted(services, "TEST_CHILD", function="count", args=[36.0], effects=str(effects.path))
        for _ in clocks
    ]
    for job in jobs:
        await until(job.id, lambda row: row.progress > 0)
    assert shifts(effects, "began") == clocks
    leases = await sql.rows(
        "SELECT worker, extract(epoch FROM lease_until - now())::float8 AS seconds FROM jobs"
    )
    assert all(25.0 < row["seconds"] <= 30.0 for row in leases), leases

    ahead = workers.started[0]
    (victim,) = [
        row["id"] for row in await sql.rows("SELECT id FROM jobs WHERE worker LIKE $1", f"%-{ahead.pid}-%")
    ]
    ahead.kill()
    began = time.monotonic()
    await asyncio.sleep(20.0)
    assert (await Job.get(id=victim)).state == "PROCESSING", "a lease was reaped early"
    await until(victim, lambda row: row.crashes == 1, 60.0)
    figures.within("P3", "found, among clocks that are wrong by an hour", time.monotonic() - began, 40.0)
    await until(victim, lambda row: row.state == "PROCESSING", 60.0)

    await cancel(await local_owner(), victim, services=services)
    assert (await ended(victim)).state == "CANCELLED"

    rest = [job for job in jobs if job.id != victim]
    done = [await ended(job.id, 60.0) for job in rest]
    assert {(job.state, job.attempt, job.crashes, job.epoch) for job in done} == {("COMPLETED", 1, 0, 1)}
    assert sorted(effects.jobs("ended")) == sorted(str(job.id) for job in rest)


@held
async def test_retries_wait_as_long_as_the_database_says(
    services: Services, workers: Workers, effects: Effects
) -> None:
    """A first failure waits 2 to 4 s by the rules, wherever it failed."""
    clocks = await three(workers, slots=2)
    jobs: list[Job] = []
    done: list[Job] = []
    while len(jobs) < 90 and (not jobs or shifts(effects, "ran") != clocks):  # who is quick takes more
        jobs += [
            await submitted(services, "TEST_FAILS", how="boom", times=1, effects=str(effects.path))
            for _ in range(18)
        ]
        done += [await ended(job.id) for job in jobs[len(done) :]]
    assert shifts(effects, "ran") == clocks, "all three took part"
    assert {(job.state, job.attempt) for job in done} == {("COMPLETED", 2)}
    waits = await sql.rows(
        """SELECT extract(epoch FROM second.started_at - first.ended_at)::float8 AS seconds
        FROM job_attempts first JOIN job_attempts second USING (job_id)
        WHERE first.attempt = 1 AND second.attempt = 2"""
    )
    assert len(waits) == len(jobs)
    assert all(2.0 <= row["seconds"] < 4.0 + 3.0 for row in waits), waits


@held
async def test_claims_go_by_priority_and_age_whatever_the_clock_says(
    services: Services, workers: Workers, effects: Effects, rng: random.Random
) -> None:
    priorities = [priority for priority in Priority for _ in range(4)]
    rng.shuffle(priorities)
    made = [
        await submitted(
            services, "TEST_NOOP", effects=str(effects.path), options=JobOptions(priority=priority)
        )
        for priority in priorities
    ]
    process = await workers.start(slots=1, **rng.choice([AHEAD, BEHIND]))
    for job in made:
        await ended(job.id)
    assert abs(shifts(effects, "ran")[process.pid]) == 1
    wanted = sorted(made, key=lambda job: (-job.priority, job.created_at))
    assert effects.jobs("ran") == [str(job.id) for job in wanted]


@held
@pytest.mark.promise("P5")
@pytest.mark.slow
@pytest.mark.parametrize("ringing", ["ahead", "behind", "true"])
async def test_bells_of_a_wrong_clock_are_heard_at_once(
    workers: Workers, effects: Effects, figures: Figures, ringing: str
) -> None:
    """Two workers are idle, with clocks two hours apart: whoever rings, one of them starts the job. Without
    bells the sweep would find it after half a second on average. A machine that is slow is so for true clocks
    too."""
    await workers.start(slots=1, **AHEAD)
    await workers.start(slots=1, **BEHIND)
    clock = {"ahead": AHEAD, "behind": BEHIND, "true": {}}[ringing]
    usual = await _start_after_bell(workers.environment, effects, 0)
    wait = await _start_after_bell({**workers.environment, **clock}, effects, _HOURS[ringing])
    figures.within(
        "P5", f"a job starts after the bell of a clock that is {ringing}, median", wait, max(0.05, usual)
    )


async def _start_after_bell(environment: dict[str, str], effects: Effects, hours: int) -> float:
    """The median of 20 jobs (seconds), which a process submits whose clock is so many hours ahead."""
    said = await submitting(environment, effects.path, jobs=20, pause_seconds=0.1)
    assert round((said.clock - time.time()) / HOUR_SECONDS) == hours
    done = [await ended(UUID(job_id)) for job_id in said.jobs]
    return statistics.median(
        (job.started_at - job.created_at).total_seconds() for job in done if job.started_at
    )


@held
@pytest.mark.promise("P16")
async def test_one_key_is_one_job_for_clocks_that_disagree(workers: Workers, effects: Effects) -> None:
    await workers.start(slots=1)
    said = [
        await submitting({**workers.environment, **clock}, effects.path, jobs=1, key="a key")
        for clock in (AHEAD, BEHIND, {})
    ]
    assert len({job_id for one in said for job_id in one.jobs}) == 1
    await ended(UUID(said[0].jobs[0]))
    assert effects.jobs("ran") == said[0].jobs


@held
@pytest.mark.promise("P4")
@pytest.mark.slow
async def test_a_clock_that_jumps_costs_no_run(
    services: Services, workers: Workers, effects: Effects, rng: random.Random, tmp_path: Path
) -> None:
    clock = JumpingClock(tmp_path / "clock")
    for _ in range(2):
        await workers.start(slots=2, children=1, **clock.environment)
    jobs = [
        await submitted(services, "TEST_STEPS", step=0.05, file="a film", effects=str(effects.path))
        for _ in range(10)
    ]
    jobs.append(
        await submitted(services, "TEST_CHILD", function="count", args=[5.0], effects=str(effects.path))
    )
    moving = asyncio.create_task(_jump(clock, rng))
    done = [await ended(job.id, 60.0) for job in jobs]
    moving.cancel()
    assert {(job.state, job.attempt, job.crashes) for job in done} == {("COMPLETED", 1, 0)}
    assert sorted(effects.jobs("ended")) == sorted(str(job.id) for job in jobs)
    told = [round((each.at - time.time()) / HOUR_SECONDS) for each in effects.all()]
    assert len(set(told)) >= 3, f"the clock did not jump: {told}"


async def _jump(clock: JumpingClock, rng: random.Random) -> None:
    """Ahead and behind in turns, each time to where it never was: who looks twice sees that it jumped."""
    for hours in itertools.count(1):
        clock.jump((hours if hours % 2 else -hours) * HOUR_SECONDS)
        await asyncio.sleep(rng.uniform(0.05, 0.5))


OPENS_THE_FILES = """
import sys, time
from pathlib import Path
from app.storage import FolderFiles
FolderFiles(Path(sys.argv[1]))
print(time.time())
"""


async def test_a_machine_that_is_ahead_removes_nothing_that_others_are_writing(tmp_path: Path) -> None:
    """What is half written is removed once it is an hour old, by the clock of the disk."""
    FolderFiles(tmp_path / "files")
    half = tmp_path / "files" / STAGING / "half"
    half.write_bytes(b"half")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OPENS_THE_FILES, str(tmp_path / "files")),
        cwd=ROOT,
        env={**os.environ, **shifted(2)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert round((float(said) - time.time()) / HOUR_SECONDS) == 2
    assert half.exists()


SYSTEM = """mutation ($name: String!, $audio: ID) {
  createParticleSystem(input: {name: $name, particleType: SNOW, audioId: $audio,
    config: {width: 64, height: 36, fps: 30, particleCount: 20}}) { id createdAt } }"""
RENDER = """mutation ($id: ID!, $key: String) {
  renderParticleSystem(id: $id, input: {quality: DRAFT}, options: {idempotencyKey: $key}) { id } }"""
WATCH = "subscription ($id: ID!) { jobUpdates(id: $id) { cursor status progress at } }"
NEWEST = """query ($after: String) { particleSystems(first: 1, after: $after) {
  pageInfo { endCursor hasNextPage } nodes { name } } }"""


@pytest.mark.slow
@pytest.mark.timeout(300)  # the first start on a machine compiles kernels
async def test_the_product_between_two_clocks_writes_the_databases_times(
    database: TortoiseContext, database_url: str, redis_url: str
) -> None:
    """An API process an hour ahead and a worker an hour behind make a film; another API's clock is true."""
    with running_server(database_url, redis_url, workers=0, **AHEAD) as fast:
        home = environment(fast.home, DATABASE_URL=database_url, REDIS_URL=redis_url)
        log = fast.home / "true.log"
        true = starling(["api", "--port", "0"], home, log)
        slow = starling(["worker"], {**home, **BEHIND}, fast.home / "slow.log")
        try:
            async with api(fast.base_url) as ahead, api(address(true, log)) as right:
                date = (await ahead.client.get("/health")).headers["date"]
                told = datetime.strptime(date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
                assert told - datetime.now(UTC) > timedelta(minutes=59), "its clock is not ahead"
                await _film_between_clocks(ahead, right)
            await invariants.check()
        finally:
            stop(slow)
            stop(true)


async def _ready(client: Api, seconds: float = 240.0) -> None:
    async with asyncio.timeout(seconds):
        while (await client.client.get("/ready")).status_code != 200:
            await asyncio.sleep(0.1)


async def _film_between_clocks(ahead: Api, right: Api) -> None:
    await _ready(right)
    await _ready(ahead)
    began = (await sql.rows("SELECT now() AS now"))[0]["now"]
    song = (await ahead.upload("song.wav", kick_wav(1.0))).json()["data"]["uploadAsset"]
    first = (await ahead.run(SYSTEM, name="of the fast clock", audio=song["id"]))["createParticleSystem"]
    await right.run(SYSTEM, name="of the true clock", audio=None)
    page = (await right.run(NEWEST))["particleSystems"]
    assert page["nodes"] == [{"name": "of the true clock"}], "made later, so listed first"
    page = (await ahead.run(NEWEST, after=page["pageInfo"]["endCursor"]))["particleSystems"]
    assert page["nodes"] == [{"name": "of the fast clock"}]

    jobs = [
        (await client.run(RENDER, id=first["id"], key="once"))["renderParticleSystem"]["id"]
        for client in (ahead, right)
    ]
    assert jobs[0] == jobs[1]
    async with socket(ahead.base_url) as client:
        seen = [data["jobUpdates"] async for data in client.updates(WATCH, id=jobs[0])]
    assert seen[-1]["status"] == "COMPLETED", seen
    assert [update["at"] for update in seen] == sorted(update["at"] for update in seen)
    over = (await sql.rows("SELECT now() AS now"))[0]["now"]
    for column, table in _TIMES:
        for row in await sql.rows(f"SELECT {column} AS moment FROM {table} WHERE {column} IS NOT NULL"):
            assert began <= row["moment"] <= over, f"{table}.{column} is of another clock: {row['moment']}"
    for stage in (await Job.get(id=jobs[0])).stages:
        assert began <= datetime.fromisoformat(stage["started_at"]) <= over, stage
    assert await Asset.all().count() == 2


_TIMES = [
    *((column, "jobs") for column in ("created_at", "started_at", "updated_at", "completed_at", "run_at")),
    *((column, "job_attempts") for column in ("started_at", "ended_at")),
    *((column, "particle_systems") for column in ("created_at", "updated_at")),
    ("created_at", "assets"),
    ("at", "job_events"),
]
