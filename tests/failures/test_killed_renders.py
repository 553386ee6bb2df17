"""A commit whose job loses its process: there is one render in the end, whole, and nothing else is left."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from db.jobs import Job
from tests.support.graphql_http import Api, api
from tests.support.job_history import eventually
from tests.support.music import COMMIT, made
from tests.support.server import running_server
from tests.support.sounding_commits import ended, heard, jobs_about, noise, rendered, uploaded

pytestmark = [
    pytest.mark.promise("P3"),
    pytest.mark.usefixtures("database"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
PROGRESS = "query ($id: ID!) { job(id: $id) { status progress attempts } }"
SECONDS = 900.0


async def test_a_commit_whose_child_is_killed_has_one_render_in_the_end(
    database_url: str, redis_url: str, rng: random.Random
) -> None:
    with running_server(database_url, redis_url) as server:
        worker = psutil.Process(server.workers[0].pid)
        async with api(server.base_url) as graphql:
            repository = await made(graphql)
            sound = noise(1, SECONDS, 1)
            stems = [{"type": type, "assetId": await uploaded(graphql, sound)} for type in ("DRUMS", "BASS")]
            said = {"repositoryId": repository, "message": "long", "stems": stems}
            commit = (await graphql.run(COMMIT % "", input=said))["createCommit"]["id"]
            (job,) = await jobs_about(graphql, commit)
            await _is_at(graphql, job["id"], rng.uniform(5.0, 70.0))
            os.kill(await _reader(worker, server.home / "files"), signal.SIGKILL)
            done = await ended(graphql, commit, 200.0)
            assert (done["status"], len(done["outputs"])) == ("COMPLETED", 1)
            row = await Job.get(id=job["id"])
            assert (row.attempt, row.crashes) == (1, 1), "the kill met the render"
            found = await heard(graphql, (await rendered(graphql, commit))["url"])
            assert np.abs(found - 2 * sound).max() < 1e-6
            async with httpx.AsyncClient(base_url=server.base_url) as client:
                assert (await client.get("/ready")).status_code == 200
        assert server.workers[0].poll() is None
        stored = [path for path in (server.home / "files" / "renders").rglob("*") if path.is_file()]
        assert len(stored) == 1


async def _is_at(graphql: Api, job_id: str, percent: float) -> None:
    async def is_there() -> bool:
        job = (await graphql.run(PROGRESS, id=job_id))["job"]
        assert job["status"] in ("PENDING", "PROCESSING"), job
        return bool(job["progress"] >= percent)

    await eventually(is_there, 200.0, f"{percent:.0f} % of the render")


async def _reader(worker: psutil.Process, files: Path) -> int:
    """The child that has a stored file open: a busy one may be getting warm for other work."""
    found: list[int] = []

    async def is_found() -> bool:
        found.extend(
            child.pid
            for child in worker.children()
            if any(Path(file.path).is_relative_to(files) for file in child.open_files())
        )
        return bool(found)

    await eventually(is_found, 20.0, "a child that reads a stem")
    return found[0]
