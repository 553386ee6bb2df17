"""`kill -9` of workers and of their children at random moments: what they held runs again, and soon."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import httpx
import psutil
import pytest

from db import sql
from db.jobs import Job
from domain.ports import Services
from tests.support.effects import Effects
from tests.support.figures import Figures
from tests.support.graphql_http import Api, api
from tests.support.job_history import Claim, attempts_of, claimed_again, claims_of, eventually, held_by, share
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted
from tests.support.left_over import still_there
from tests.support.server import running_server
from workers import scratch

pytestmark = [pytest.mark.promise("P3"), pytest.mark.slow, pytest.mark.timeout(400)]

JOBS = 50
CREATE = "mutation ($input: CreateParticleSystemInput!) { createParticleSystem(input: $input) { id } }"
RENDER = "mutation ($id: ID!) { renderParticleSystem(id: $id) { id } }"
JOB = """query ($id: ID!) { job(id: $id) { status attempts result error { code }
  outputs { asset { id } } video { url duration } } }"""


async def fifty(services: Services, effects: Effects, seconds: float) -> list[Job]:
    """Half of them work in children; the others publish a file."""
    path = str(effects.path)
    made = []
    for number in range(JOBS):
        if number % 2:
            job = await submitted(services, "TEST_CHILD", function="count_here", args=[seconds], effects=path)
        else:
            job = await submitted(services, "TEST_STEPS", step=seconds / 33, file="a film", effects=path)
        made.append(job)
    return made


async def killed(workers: Workers, worker: subprocess.Popen[bytes]) -> tuple[float, list[Claim]]:
    """Kill it; when that was, and what it held. Nothing that it started lives on."""
    started = psutil.Process(worker.pid).children(recursive=True)
    at = time.time()
    worker.kill()
    await workers.ended(worker)
    held = await held_by(worker.pid)
    _, alive = await asyncio.to_thread(psutil.wait_procs, started, timeout=5)
    assert alive == [], "children outlive their worker"
    return at, held


async def resumed(claim: Claim, killed_at: float) -> float:
    """How long after the kill the job was claimed again, once it has been."""

    async def is_claimed() -> bool:
        return await claimed_again(claim) is not None

    await eventually(is_claimed, 160.0, f"job {claim.job_id} runs again")
    return (await claimed_again(claim) or 0.0) - killed_at


@pytest.mark.xdist_group("waiting")
async def test_what_killed_workers_held_runs_again(
    services: Services,
    workers: Workers,
    effects: Effects,
    tmp_path: Path,
    rng: random.Random,
    figures: Figures,
    invariants: None,
) -> None:
    """Two waves: the second kills who took over, so that jobs lose their process twice."""
    serving = [workers.launch(slots=5, children=5) for _ in range(3)]
    for worker in serving:
        await workers.takes_part(worker)
    made = await fifty(services, effects, 4.0)
    kills: list[tuple[float, list[Claim]]] = []
    for victim in serving[:2]:
        await asyncio.sleep(rng.uniform(0.5, 4.0))
        kills.append(await killed(workers, victim))
        serving.append(workers.launch(slots=5, children=5))
    lost_once = {claim.job_id for _, held in kills for claim in held}
    assert lost_once, "nothing ran when the workers were killed"
    first = [await resumed(claim, at) for at, held in kills for claim in held]
    again = [claim for worker in serving[2:] for claim in await held_by(worker.pid) if claim.crashes == 1]
    assert again, "what was lost once had ended before the second wave"
    for victim in serving[2:]:
        if any(claim.crashes == 1 for claim in await held_by(victim.pid)):
            kills.append(await killed(workers, victim))
            workers.launch(slots=5, children=5)
    second = [await resumed(claim, at) for at, held in kills[2:] for claim in held if claim.crashes == 1]
    done = [await ended(job.id, 120.0) for job in made]
    assert {job.state for job in done} == {"COMPLETED"}
    assert {job.attempt for job in done} == {1}, "a crash spends no attempt"
    figures.note("P3", "jobs of 50 that lost their worker", len(lost_once))
    figures.note("P3", "a killed worker's job runs again, p50", share(first, 0.5), "s")
    figures.within("P3", "a killed worker's job runs again, longest", max(first), limit=40.0)
    figures.within("P3", "after its second crash, longest", max(second), limit=50.0)
    ends = effects.jobs("ended")
    figures.exactly("P3", "jobs lost of 50 whose workers were killed", JOBS - len(set(ends)), 0)
    dead = [worker.pid for worker in serving if worker.poll() is not None]
    await _scratch_goes(tmp_path / "home" / "scratch", dead)


async def _scratch_goes(folder: Path, dead: list[int]) -> None:
    """Folders of killed workers' runs, and no others, are left (one whose end was written may be among them);
    the daily round takes them once they are a day old."""
    of_killed = {f"{job_id}-{epoch}" for pid in dead for job_id, epoch in await claims_of(pid)}

    def left() -> set[str]:
        return {path.name for path in (folder / "jobs").iterdir()}

    assert await still_there(lambda: sorted(left() - of_killed)) == []
    for name in left():
        long_ago = time.time() - 2 * scratch.ABANDONED_SECONDS
        os.utime(folder / "jobs" / name, (long_ago, long_ago))
    await scratch.discard_abandoned(folder)
    assert list((folder / "jobs").iterdir()) == []


async def test_what_killed_children_worked_on_runs_again_at_once(
    services: Services,
    workers: Workers,
    effects: Effects,
    rng: random.Random,
    figures: Figures,
    invariants: None,
) -> None:
    """However many wait: who lost its process keeps its place before them."""
    worker = await workers.start(slots=4, children=4)
    path = str(effects.path)
    made = [
        await submitted(services, "TEST_CHILD", function="count_here", args=[1.0], effects=path)
        for _ in range(JOBS)
    ]
    kills: list[float] = []
    while await _waiting() > 4:
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        victims = await _working_children(worker.pid)
        if victims:
            victim = rng.choice(victims)
            with suppress(ProcessLookupError):
                kills.append(time.time())
                os.kill(victim, signal.SIGKILL)
    done = [await ended(job.id, 90.0) for job in made]
    lost = [(job, each) for job in done for each in await attempts_of(job.id) if each.outcome == "LOST"]
    assert len(lost) >= 10
    assert {job.state for job in done} <= {"COMPLETED", "FAILED"}
    assert all(job.error["code"] == "WORKER_LOST" and job.crashes == 3 for job in done if job.error)
    waits = [await _wait_after_first_kill(job, kills) for job, attempt in lost if attempt.epoch == 1]
    figures.note("P3", "children killed", len(kills))
    figures.note("P3", "a killed child's job runs again, p50", share(waits, 0.5), "s")
    figures.within("P3", "a killed child's job runs again, longest", max(waits), limit=1.0)
    assert worker.poll() is None


async def _wait_after_first_kill(job: Job, kills: list[float]) -> float:
    """From the kill that ended its first attempt to its second claim."""
    first, second, *_ = await attempts_of(job.id)
    assert first.ended_at is not None
    return second.started_at - max(at for at in kills if at <= first.ended_at)


async def _waiting() -> int:
    rows = await sql.rows("SELECT count(*) AS n FROM jobs WHERE state = 'PENDING'")
    return int(rows[0]["n"])


async def _working_children(worker_pid: int) -> list[int]:
    """Those that name themselves in a running job's message."""
    rows = await sql.rows("SELECT message FROM jobs WHERE state = 'PROCESSING' AND message LIKE 'in %'")
    alive = {child.pid for child in psutil.Process(worker_pid).children()}
    return sorted({int(row["message"].split()[1]) for row in rows} & alive)


@pytest.mark.timeout(500)
async def test_a_film_whose_child_is_killed_is_whole_in_the_end(
    database_url: str, redis_url: str, rng: random.Random, figures: Figures
) -> None:
    """The product's own worker and job: the child that draws dies in mid-film."""
    # What is left at the latest moment takes seconds: a kill that comes late still meets a film.
    config = {"width": 640, "height": 360, "fps": 30, "duration": 60.0, "seed": 5}
    with running_server(database_url, redis_url) as server:
        async with api(server.base_url) as graphql:
            input = {"particleType": "SNOW", "config": config}
            system = (await graphql.run(CREATE, input=input))["createParticleSystem"]
            job_id = (await graphql.run(RENDER, id=system["id"]))["renderParticleSystem"]["id"]
            moment = rng.uniform(5.0, 50.0)
            drawing = await _drawing_child(graphql, job_id, server.workers[0].pid, moment)
            os.kill(drawing, signal.SIGKILL)
            at = time.time()
            job = await _ended(graphql, job_id)
            assert (job["status"], job["attempts"], job["error"]) == ("COMPLETED", 1, None)
            assert len(job["outputs"]) == 1
            async with httpx.AsyncClient(base_url=server.base_url) as client:
                film = server.home / "film.mp4"
                film.write_bytes((await client.get(job["video"]["url"])).content)
        assert server.workers[0].poll() is None
        stored = [path for path in (server.home / "files" / "renders").rglob("*") if path.is_file()]
        assert len(stored) == 1
        with av.open(str(film)) as opened:
            frames = sum(1 for _ in opened.decode(video=0))
        assert frames == job["result"]["frames"] == config["fps"] * config["duration"]
    figures.note("P3", "from the kill of a film's child to the whole film", time.time() - at, "s")


async def _drawing_child(graphql: Api, job_id: str, worker_pid: int, moment: float) -> int:
    """The busiest child, once so much per cent of the film is drawn."""
    children = psutil.Process(worker_pid).children()
    before = {child.pid: sum(child.cpu_times()[:2]) for child in children}

    async def is_drawn() -> bool:
        query = "query ($id: ID!) { job(id: $id) { status progress } }"
        job = (await graphql.run(query, id=job_id))["job"]
        assert job["status"] in ("PENDING", "PROCESSING"), job
        return bool(job["progress"] >= moment)

    await eventually(is_drawn, 200.0, f"{moment:.0f} % of the film is drawn")
    return max(children, key=lambda child: sum(child.cpu_times()[:2]) - before[child.pid]).pid


async def _ended(graphql: Api, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = {}

    async def has_ended() -> bool:
        nonlocal job
        job = (await graphql.run(JOB, id=job_id))["job"]
        return job["status"] not in ("PENDING", "PROCESSING")

    await eventually(has_ended, 200.0, "the film is done")
    return job
