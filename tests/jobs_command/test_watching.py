"""`starling jobs watch`: real processes, real workers, a real terminal; and who interrupts or leaves."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess

import pytest

from db import job_rows, sql
from db.jobs import Job
from domain import jobs
from domain.accounts import Viewer
from domain.jobs import NewJob
from domain.ports import Services
from tests.support.job_workers import Workers
from tests.support.job_world import submitted
from tests.support.jobs_command import PLAIN, WITH_TEST_KINDS, line, object_where, run, watching
from tests.support.rows import a_job
from tests.support.terminal import on_terminal

_WAITING = """SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


async def test_watched_jobs_are_bars_that_grow_until_they_end(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    first, second = [await submitted(services, "TEST_STEPS", step=0.15) for _ in range(2)]
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
            while not await sql.rows(_WAITING):
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
