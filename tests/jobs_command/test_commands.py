"""`starling jobs` list, show, cancel, retry and prune, as a person or a script runs them: real processes."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from db import sql
from db.jobs import Job, JobAttempt
from domain import jobs
from domain.accounts import Viewer
from domain.errors import InvalidInput, NotFound
from domain.jobs import NewJob
from domain.ports import Services
from tests.support.job_workers import Workers
from tests.support.job_world import ended, submitted, until
from tests.support.jobs_command import PLAIN, WITH_TEST_KINDS, run
from tests.support.rows import a_job, an_output
from tests.support.server import environment


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


async def test_cancel_stops_a_running_job(
    given: dict[str, str], services: Services, workers: Workers
) -> None:
    await workers.start()
    job = await submitted(services, "TEST_STEPS", step=1.0)
    await until(job.id, lambda row: row.state == "PROCESSING")
    done = await run(given, "cancel", str(job.id)[:12], command=WITH_TEST_KINDS)
    assert (done.returncode, done.stdout) == (0, f"Job {job.id} is asked to stop.\n")
    assert (await ended(job.id)).state == "CANCELLED"
