"""`starling jobs` as a person or a script runs it: real processes, real workers, a real terminal."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise.context import TortoiseContext

from db import job_rows, sql
from db.jobs import Job, JobAttempt
from domain import jobs
from domain.accounts import Viewer, local_owner
from domain.errors import InvalidInput, NotFound
from domain.jobs import NewJob
from domain.ports import Services
from tests.support.job_workers import Workers, worker_processes
from tests.support.job_world import ended, job_services, submitted, until
from tests.support.rows import a_job, an_output
from tests.support.server import environment
from tests.support.terminal import on_terminal

PLAIN = [sys.executable, "-P", "-m", "app.cli", "jobs"]
WITH_TEST_KINDS = [sys.executable, "-P", "-m", "tests.support.starling_with_test_kinds", "jobs"]


@pytest.fixture
def given(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path / "home", DATABASE_URL=database_url, REDIS_URL=redis_url)


@pytest.fixture
async def services(database: TortoiseContext, redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    async with job_services(redis_url, tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


@pytest.fixture
async def workers(
    database: TortoiseContext, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Workers]:
    async with worker_processes(database_url, redis_url, tmp_path / "home") as started:
        yield started


async def run(
    given: dict[str, str], *arguments: str, command: list[str] = PLAIN
) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run, [*command, *arguments], env=given, capture_output=True, text=True, timeout=60
    )


@asynccontextmanager
async def watching(given: dict[str, str], *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *WITH_TEST_KINDS,
        "watch",
        *arguments,
        env=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def object_where(
    process: asyncio.subprocess.Process, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    while text := await line(process):
        found: dict[str, Any] = json.loads(text)
        if holds(found):
            return found
    raise AssertionError("the output ended before")


async def test_a_list_shows_the_newest_first_and_follows_its_filters(
    given: dict[str, str], viewer: Viewer
) -> None:
    rows = [await a_job(viewer, number) for number in range(25)]
    failed = await a_job(viewer, 99, state="FAILED", error={"code": "INTERNAL", "message": "no"})
    done = await run({**given, "FORCE_COLOR": "1"}, "list")  # as continuous integration sets it
    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert heading.split() == ["ID", "KIND", "STATUS", "DONE", "STAGE", "CREATED", "TOOK"]
    wanted = [failed, *reversed(rows)]
    assert [text.split()[0] for text in lines] == [str(job.id) for job in wanted[:20]]
    assert "FAILED" in lines[0]
    assert len((await run(given, "list", "--all")).stdout.splitlines()) == 27
    few = await run(given, "list", "--status", "failed", "--kind", "particle_render", "--limit", "3")
    assert [text.split()[0] for text in few.stdout.splitlines()[1:]] == [str(failed.id)]
    none = await run(given, "list", "--status", "pending", "--status", "processing")
    assert none.stdout.strip() == "No jobs."


async def test_json_is_for_programs(given: dict[str, str], viewer: Viewer) -> None:
    rows = [await a_job(viewer, number) for number in range(3)]
    listed = json.loads((await run(given, "list", "--json")).stdout)
    assert [job["id"] for job in listed] == [str(job.id) for job in reversed(rows)]
    assert listed[0]["status"] == "COMPLETED"
    assert json.loads((await run(given, "list", "--json", "--status", "failed")).stdout) == []
    await an_output(rows[0], viewer, filename="film.mp4")
    shown = json.loads((await run(given, "show", "--json", str(rows[0].id))).stdout)
    assert [stage["name"] for stage in shown["stages"]] == ["features", "render", "publish"]
    assert [output["filename"] for output in shown["outputs"]] == ["film.mp4"]


async def test_show_tells_how_it_went(given: dict[str, str], viewer: Viewer) -> None:
    now = datetime.now(UTC)
    error = {"code": "TIMEOUT", "message": "nothing moved"}
    job = await a_job(viewer, state="FAILED", error=error, attempt=2, message=None)
    for epoch, (outcome, why) in enumerate([("LOST", None), ("FAILED", error)], 1):
        await JobAttempt.create(
            job_id=job.id,
            epoch=epoch,
            attempt=epoch,
            worker=f"here-{epoch}",
            started_at=now - timedelta(seconds=90),
            ended_at=now,
            outcome=outcome,
            error=why,
        )
    again = await a_job(viewer, 1, retry_of=job.id)
    await an_output(again, viewer, filename="film.mp4", size=12_345_678)
    said = (await run(given, "show", str(job.id))).stdout
    for text in (f"Job {job.id}", "TIMEOUT: nothing moved", "2 of 3", f"retried by  {again.id}", "features"):
        assert text in said
    assert re.search(r"1 .*1 min 30 s  LOST +here-1", said)
    assert re.search(r"2 .*1 min 30 s  FAILED +here-2  TIMEOUT: nothing moved", said)
    said = (await run(given, "show", str(again.id))).stdout
    assert re.search(rf"retry of +{job.id}", said)
    assert re.search(r"video  film.mp4  12.3 MB  /assets/", said)


async def test_a_beginning_of_an_id_is_enough_where_it_is_one_jobs(
    given: dict[str, str], viewer: Viewer
) -> None:
    ids = [UUID("aaaa0000-0000-4000-8000-00000000000" + digit) for digit in "12"]
    ids.append(UUID("ab000000-0000-4000-8000-000000000003"))
    for number, job_id in enumerate(ids):
        job = await a_job(viewer, number)
        await sql.run("UPDATE jobs SET id = $1 WHERE id = $2", job_id, job.id)
    assert (await jobs.by_prefix(viewer, " AB ")).id == ids[2]
    assert (await jobs.by_prefix(viewer, str(ids[0]))).id == ids[0]
    for text in ("job", "", "-", "a" * 33, "ab\x00"):
        with pytest.raises(InvalidInput, match="is not the beginning of a job's id"):
            await jobs.by_prefix(viewer, text)
    with pytest.raises(NotFound, match="no job cccc"):
        await jobs.by_prefix(viewer, "cccc")
    with pytest.raises(NotFound):
        await jobs.by_prefix(replace(viewer, id=ids[0]), "ab")
    assert f"Job {ids[2]}" in (await run(given, "show", "ab")).stdout
    several = await run(given, "show", "aaaa-0")
    assert (several.returncode, several.stdout) == (1, "")
    assert several.stderr == f"starling: aaaa-0 begins the ids of several jobs: {ids[1]}, {ids[0]}\n"


async def test_cancel_does_what_it_can_and_says_what_it_cannot(
    given: dict[str, str], viewer: Viewer, services: Services
) -> None:
    waiting = await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {}), services=services)
    over = await a_job(viewer)
    done = await run(given, "cancel", str(over.id), "ffff", str(waiting.id))
    assert done.returncode == 1
    assert done.stdout == f"Job {waiting.id} is cancelled.\n"
    assert done.stderr.splitlines() == [
        f"starling: {over.id}: the job has ended (COMPLETED), so it cannot be cancelled",
        "starling: ffff: no job ffff",
    ]
    assert (await jobs.get(viewer, waiting.id)).state == "CANCELLED"


async def test_retry_makes_a_new_job(given: dict[str, str], viewer: Viewer) -> None:
    over = await a_job(viewer)
    done = await run(given, "retry", str(over.id), "--from-stage", "render")
    assert done.returncode == 0
    (again,) = await Job.filter(retry_of=over.id)
    assert done.stdout == f"Job {over.id} runs again as {again.id}.\n"
    assert again.from_stage == "render"
    wrong = await run(given, "retry", str(over.id), "--from-stage", "sing")
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("starling: fromStage must be one of features, render, publish")


@pytest.mark.slow
async def test_prune_says_what_it_would_remove_and_removes_it(given: dict[str, str], viewer: Viewer) -> None:
    old = await a_job(viewer, completed_at=datetime.now(UTC) - timedelta(days=40))
    young = await a_job(viewer, completed_at=datetime.now(UTC) - timedelta(days=20))
    film = await an_output(old, viewer, size=2_500_000)
    await Job.filter(id=old.id).update(version=2)
    await type(film).filter(id=film.id).update(key=f"renders/{old.id}/1/0.mp4")
    what = "1 job, 0 attempts, 0 events, 1 file (2.5 MB)"
    unsaid = await run(given, "prune")
    assert unsaid.returncode == 1
    assert "--older-than DAYS" in unsaid.stderr
    assert (await run(given, "prune", "--older-than", "30", "--dry-run")).stdout == f"Would remove {what}.\n"
    assert await Job.all().count() == 2
    asked = {**given, "STARLING_RETENTION_DAYS": "30"}
    assert (await run(asked, "prune")).stdout == f"Removed {what}.\n"
    assert await Job.all().values_list("id", flat=True) == [young.id]


async def test_without_engines_it_says_how_to_get_some(tmp_path: Path) -> None:
    done = await run(environment(tmp_path / "nothing here"), "list")
    assert done.returncode == 1
    assert done.stderr.startswith("starling: No engines run in ")
    assert done.stderr.count("\n") == 1


async def test_a_database_that_is_not_there_is_one_sentence(given: dict[str, str]) -> None:
    away = {**given, "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    done = await run(away, "list")
    assert done.returncode == 1
    assert done.stderr.startswith("starling: The database none at 127.0.0.1 port 9 does not answer")
    assert done.stderr.count("\n") == 1


async def test_a_reader_that_leaves_ends_a_list(given: dict[str, str], viewer: Viewer) -> None:
    """As `| head -1`; there is far more than a pipe holds."""
    moment = datetime.now(UTC)
    values = {"params": {}, "stages": [], "run_at": moment, "queue_at": moment, "state": "COMPLETED"}
    times = {"created_at": moment, "updated_at": moment, "completed_at": moment}
    await Job.bulk_create(
        [
            Job(
                id=UUID(int=n + 1),
                kind="PARTICLE_RENDER",
                owner_id=viewer.id,
                version=1,
                epoch=0,
                **values,
                **times,
            )
            for n in range(2_000)
        ]
    )
    for form in ([], ["--json"]):
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            '"$@" | head -1',
            "sh",
            *PLAIN,
            "list",
            "--all",
            *form,
            env=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            said, complaints = await process.communicate()
        assert said.count(b"\n") == 1
        assert complaints == b""


async def test_what_a_message_says_cannot_steer_the_terminal(given: dict[str, str], viewer: Viewer) -> None:
    evil = {"code": "INTERNAL", "message": "\x1b]0;owned\x07\x1b[2J\r\nnew line"}
    job = await a_job(viewer, state="FAILED", error=evil)
    for arguments in (["show", str(job.id)], ["watch", str(job.id)]):
        said = (await run(given, *arguments)).stdout
        assert "owned" in said
        assert not re.search(r"[\x1b\x07\r]", said)
        assert "\nnew line" not in said


async def test_watched_jobs_are_bars_that_grow_until_they_end(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    first, second = [await submitted(services, "TEST_STEPS", step=0.06) for _ in range(2)]
    names = [str(job.id)[:8] for job in (first, second)]
    with on_terminal([*WITH_TEST_KINDS, "watch", str(first.id), str(second.id)], given) as terminal:
        waiting = await asyncio.to_thread(
            terminal.until, lambda text: text.count("waiting for a worker") == 2
        )
        assert [text[:8] for text in waiting.splitlines()] == names
        await workers.start(slots=1)
        code = await asyncio.to_thread(terminal.end)
    assert (code, terminal.screen.is_cursor_shown) == (0, True)
    running = [
        text for text in terminal.frames if re.search(rf"{names[0]}  TEST_STEPS  ━.*doing second", text)
    ]
    assert running
    assert all(re.search(rf"{names[1]}  TEST_STEPS .* waiting for a worker", text) for text in running)
    tops = [text.split("\n")[0] for text in terminal.frames]
    percents = [float(m[1]) for text in tops if (m := re.search(rf"{names[0]}.* ([\d.]+) %", text))]
    assert percents == sorted(percents)
    assert len(set(percents)) > 5
    last = terminal.frames[-1].splitlines()
    assert [text[:8] for text in last] == names
    assert all(re.search(r"completed in [\d.]+ s$", text) for text in last)


async def test_more_jobs_than_the_terminal_is_high_are_counted(
    given: dict[str, str], viewer: Viewer, services: Services
) -> None:
    for number in range(30):
        await jobs.submit(viewer, NewJob("PARTICLE_RENDER", {"n": number}), services=services)

    def look() -> tuple[str, int, bool]:
        with on_terminal([*PLAIN, "watch"], given, columns=60, rows=10) as terminal:
            picture = terminal.until(lambda text: "and 23 more" in text)
            terminal.process.send_signal(signal.SIGINT)
            return picture, terminal.end(), terminal.screen.is_cursor_shown

    picture, code, is_cursor_shown = await asyncio.to_thread(look)
    assert len(picture.splitlines()) == 8
    assert (code, is_cursor_shown) == (0, True)


async def test_watching_everything_follows_new_jobs(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    job = await submitted(services, "TEST_STEPS", step=0.02)
    async with watching(given, "--json") as process:
        seen = await object_where(process, lambda found: found["status"] == "PENDING")
        assert (seen["id"], seen["kind"]) == (str(job.id), "TEST_STEPS")
        await workers.start()
        end = await object_where(process, lambda found: found["status"] == "COMPLETED")
        assert (end["id"], end["progress"]) == (str(job.id), 100.0)
        later = await submitted(services, "TEST_NOOP")
        for status in ("PENDING", "PROCESSING", "COMPLETED"):
            seen = await object_where(process, lambda _: True)
            assert (seen["id"], seen["status"]) == (str(later.id), status)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            _, complaints = await process.communicate()
        assert (process.returncode, complaints) == (0, b"")


@pytest.mark.slow
async def test_every_change_is_a_line_of_json_and_the_outcome_is_the_exit_code(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    good = await submitted(services, "TEST_STEPS", step=0.02)
    bad = await submitted(services, "TEST_FAILS", how="input")
    async with watching(given, "--json", str(good.id), str(bad.id)) as process:
        await object_where(process, lambda found: found["status"] == "PENDING")
        await workers.start()
        failed = await object_where(process, lambda found: found["status"] == "FAILED")
        assert failed["error"] == {"code": "BAD_USER_INPUT", "message": "width must be even"}
        await object_where(process, lambda found: found["status"] == "COMPLETED")
        async with asyncio.timeout(20):
            assert await process.wait() == 1
    again = await run(given, "watch", str(good.id), command=WITH_TEST_KINDS)
    assert again.returncode == 0
    assert re.fullmatch(rf"\S+  {str(good.id)[:8]}  TEST_STEPS  completed in [\d.]+ s\n", again.stdout)


async def test_elsewhere_than_on_a_terminal_each_step_is_a_line(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    job = await submitted(services, "TEST_STEPS", step=0.02)
    async with watching(given, str(job.id)) as process:
        said = [await line(process)]
        await workers.start()
        while text := await line(process):
            said.append(text)
        assert await process.wait() == 0
    words = [re.sub(r"^\d\d:\d\d:\d\d  [0-9a-f]{8}  TEST_STEPS  ", "", text) for text in said]
    assert words[0] == "pending  0 %\n"
    assert words[-1].startswith("completed in ")
    for stage in ("first", "second", "third"):
        assert any(text.startswith("processing") and f"{stage}: doing {stage}" in text for text in words)
    assert "\x1b" not in "".join(said)


async def test_the_outcome_of_an_interrupted_watch_is_not_success(
    given: dict[str, str], services: Services
) -> None:
    job = await submitted(services, "TEST_NOOP")
    for number in (signal.SIGINT, signal.SIGTERM):
        async with watching(given, str(job.id)) as process:
            assert "pending" in await line(process)
            process.send_signal(number)
            async with asyncio.timeout(20):
                _, complaints = await process.communicate()
            assert (process.returncode, complaints) == (130, b"")


async def test_what_is_interrupted_has_not_succeeded_and_sigterm_ends_it_where_ctrl_c_is_ignored(
    given: dict[str, str], viewer: Viewer
) -> None:
    """As what a script has begun with `&`; the removal waits for a table that somebody has locked."""
    async with job_rows.IN_TRANSACTION():
        await sql.run("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *PLAIN]
        process = await asyncio.create_subprocess_exec(
            *ignoring,
            *("prune", "--older-than", "1"),
            env=given,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            while not await sql.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.3)
            assert process.returncode is None
            process.send_signal(signal.SIGTERM)
            written = await process.communicate()
    assert await process.wait() == 130
    assert written == (b"", b"")


async def test_a_change_whose_reader_left_has_not_succeeded(given: dict[str, str], viewer: Viewer) -> None:
    """The rest was not changed, and nobody was told."""
    waiting = [await a_job(viewer, number, state="PENDING", completed_at=None) for number in range(2)]
    process = subprocess.Popen(
        [*PLAIN, "cancel", *(str(job.id) for job in waiting)], env=given, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert await asyncio.to_thread(process.wait, 30) == 1
    assert [(await jobs.get(viewer, job.id)).state for job in waiting] == ["CANCELLED", "PENDING"]


async def test_a_watch_ends_when_its_reader_leaves_though_nothing_happens(
    given: dict[str, str], services: Services
) -> None:
    job = await submitted(services, "TEST_NOOP")
    process = subprocess.Popen(
        [*WITH_TEST_KINDS, "watch", "--json"], env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert str(job.id) in (await asyncio.to_thread(process.stdout.readline)).decode()
        process.stdout.close()
        assert await asyncio.to_thread(process.wait, 20) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.stderr.close()


async def test_a_job_that_is_removed_while_watched_is_said(
    given: dict[str, str], viewer: Viewer, services: Services
) -> None:
    job = await submitted(services, "TEST_NOOP")
    async with watching(given, "--json", str(job.id)) as process:
        await object_where(process, lambda found: found["status"] == "PENDING")
        await Job.filter(id=job.id).delete()
        async with asyncio.timeout(20):
            _, complaints = await process.communicate()
        assert process.returncode == 1
        assert complaints.decode() == f"starling: Job {str(job.id)[:8]} was removed.\n"


async def test_cancel_stops_a_running_job(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    await workers.start()
    job = await submitted(services, "TEST_STEPS", step=1.0)
    await until(job.id, lambda row: row.state == "PROCESSING")
    done = await run(given, "cancel", str(job.id)[:12], command=WITH_TEST_KINDS)
    assert (done.returncode, done.stdout) == (0, f"Job {job.id} is asked to stop.\n")
    assert (await ended(job.id)).state == "CANCELLED"
