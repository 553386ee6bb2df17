"""A random past of jobs, files, systems and deletions, and what retention has to make of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from db import sql
from db.assets import Asset
from db.jobs import Job, JobAttempt, JobEvent, JobInput, JobOutput
from domain import assets, jobs
from domain.accounts import Viewer
from domain.ports import Services
from tests.support.rows import a_job, a_system, an_asset

STRANGE_KIND = "OF_A_LATER_VERSION"
UNFINISHED = ("PENDING", "PROCESSING")


@dataclass
class Past:
    """What has happened, from the oldest to now. `rng` decides; everything is really in the database and the
    storage. `clips` is a table of the test's own that refers to assets."""

    rng: random.Random
    viewers: list[Viewer]
    services: Services
    folder: Path
    days: float = 100.0
    used_by_clips: set[UUID] = field(default_factory=set)
    asset_list: list[Asset] = field(default_factory=list)
    job_list: list[Job] = field(default_factory=list)

    async def happen(self, steps: int) -> None:
        for step in range(steps):
            self.days = 100.0 * (1 - step / steps)
            what = self.rng.choices(
                [self._upload, self._run, self._system, self._clip, self._delete_asset, self._delete_job],
                weights=[4, 20, 3, 2, 2, 2],
            )[0]
            await what(self.rng.choice(self.viewers))

    def _when(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=self.days)

    def _mine(self, viewer: Viewer) -> list[Asset]:
        return [asset for asset in self.asset_list if asset.owner_id == viewer.id]

    async def _upload(self, viewer: Viewer) -> Asset:
        content = self.rng.randbytes(self.rng.randint(1, 50))
        asset = await an_asset(viewer, size=len(content), created_at=self._when())
        await self._write(asset.key, content)
        self.asset_list.append(asset)
        return asset

    async def _write(self, key: str, content: bytes) -> None:
        staged = self.folder / uuid4().hex
        staged.write_bytes(content)
        await self.services.files.put(key, staged)
        staged.unlink()

    async def _run(self, viewer: Viewer) -> None:
        state = self.rng.choices(
            ["COMPLETED", "FAILED", "CANCELLED", "PENDING", "PROCESSING"], weights=[70, 10, 5, 4, 4]
        )[0]
        job = await self._job(viewer, state)
        live = self._mine(viewer)
        for asset in self.rng.sample(live, min(len(live), self.rng.choice([0, 0, 1, 1, 2]))):
            await JobInput.create(job_id=job.id, asset_id=asset.id)
        if state == "COMPLETED":
            await self._make(job, viewer)
        if state not in UNFINISHED and self.rng.random() < 0.1:
            await self._delivery(job)
        self.job_list.append(job)

    async def _job(self, viewer: Viewer, state: str) -> Job:
        ended = None if state in UNFINISHED else self._when()
        job = await a_job(
            viewer,
            kind=STRANGE_KIND if self.rng.random() < 0.05 else "PARTICLE_RENDER",
            state=state,
            version=3,
            lease_until=datetime.now(UTC) if state == "PROCESSING" else None,
            error={"code": "INTERNAL", "message": "no"} if state == "FAILED" else None,
            retry_of=self.rng.choice(self.job_list).id if self.job_list and self.rng.random() < 0.2 else None,
            created_at=self._when(),
            completed_at=ended,
        )
        await JobAttempt.create(job_id=job.id, epoch=1, attempt=1, worker="w", started_at=job.created_at)
        for version in (1, 2, 3):
            await JobEvent.create(
                xid=1,
                job_id=job.id,
                owner_id=viewer.id,
                version=version,
                epoch=1,
                state=state,
                progress=0.0,
                at=job.created_at,
            )
        return job

    async def _make(self, job: Job, viewer: Viewer) -> None:
        """New files; or rows of its own over the bytes of an earlier answer; or a file of another job too."""
        made = [asset for asset in self._mine(viewer) if asset.key.startswith("renders/")]
        how = self.rng.random()
        if made and how < 0.25:
            earlier = self.rng.choice(made)
            await self._output(job, viewer, earlier.key, earlier.sha256, earlier.size)
        elif made and how < 0.32:
            await JobOutput.create(job_id=job.id, asset_id=self.rng.choice(made).id, role="video")
        else:
            for number in range(self.rng.choice([0, 1, 1, 2])):
                content = self.rng.randbytes(self.rng.randint(1, 50))
                key = f"renders/{job.id}/1/{number}.mp4"
                await self._write(key, content)
                await self._output(job, viewer, key, uuid4().hex * 2, len(content))

    async def _output(self, job: Job, viewer: Viewer, key: str, sha256: str, size: int) -> None:
        asset = await an_asset(viewer, key=key, sha256=sha256, size=size, created_at=self._when())
        await JobOutput.create(job_id=job.id, asset_id=asset.id, role="video")
        self.asset_list.append(asset)

    async def _delivery(self, job: Job) -> None:
        state = self.rng.choice(["PENDING", "DELIVERED"])
        ended = None if state == "PENDING" else datetime.now(UTC)
        await sql.run(
            "INSERT INTO webhook_deliveries (id, job_id, owner_id, url, host, payload, state, due_at,"
            " created_at, ended_at) VALUES ($1, $2, $3, 'http://x', 'x', '{}', $4, now(), now(), $5)",
            uuid4(),
            job.id,
            job.owner_id,
            state,
            ended,
        )

    async def _system(self, viewer: Viewer) -> None:
        live = self._mine(viewer)
        await a_system(viewer, audio_id=self.rng.choice(live).id if live else None)

    async def _clip(self, viewer: Viewer) -> None:
        if live := self._mine(viewer):
            asset = self.rng.choice(live)
            self.used_by_clips.add(asset.id)
            await sql.run("INSERT INTO clips (asset_id) VALUES ($1)", asset.id)

    async def _delete_asset(self, viewer: Viewer) -> None:
        live = [asset for asset in self._mine(viewer) if asset.id not in self.used_by_clips]
        if live:
            asset = self.rng.choice(live)
            await assets.delete(viewer, asset.id, services=self.services)
            self.asset_list.remove(asset)

    async def _delete_job(self, viewer: Viewer) -> None:
        ended = [
            job
            for job in self.job_list
            if job.owner_id == viewer.id and job.state not in UNFINISHED and job.kind != STRANGE_KIND
        ]
        if ended:
            job = self.rng.choice(ended)
            await jobs.delete(viewer, job.id, services=self.services)
            self.job_list.remove(job)


@dataclass(frozen=True)
class Rows:
    """Everything that retention may touch or must mind, as plain sets and pairs."""

    jobs: dict[UUID, dict[str, Any]]
    assets: dict[UUID, dict[str, Any]]  # those that were not deleted
    outputs: set[tuple[UUID, UUID]]
    inputs: set[tuple[UUID, UUID]]
    songs: set[UUID]
    clips: set[UUID]
    untold: set[UUID]

    @classmethod
    async def now(cls) -> Rows:
        return cls(
            {row["id"]: row for row in await sql.rows("SELECT id, kind, completed_at FROM jobs")},
            {
                row["id"]: row
                for row in await sql.rows("SELECT id, key, size FROM assets WHERE deleted_at IS NULL")
            },
            {(r["job_id"], r["asset_id"]) for r in await sql.rows("SELECT * FROM job_outputs")},
            {(r["job_id"], r["asset_id"]) for r in await sql.rows("SELECT * FROM job_inputs")},
            {r["audio_id"] for r in await sql.rows("SELECT audio_id FROM particle_systems")} - {None},
            {r["asset_id"] for r in await sql.rows("SELECT asset_id FROM clips")},
            {
                r["job_id"]
                for r in await sql.rows("SELECT job_id FROM webhook_deliveries WHERE state = 'PENDING'")
            },
        )

    def without_expired(self, days: int) -> Rows:
        """What must be left, found by trying: a job goes if nothing that stays needs a file it made."""
        before = datetime.now(UTC) - timedelta(days=days)
        going = {
            job_id
            for job_id, job in self.jobs.items()
            if job["completed_at"] is not None
            and job["completed_at"] < before
            and job["kind"] != STRANGE_KIND
            and job_id not in self.untold
        }
        while True:
            needed = self.songs | self.clips | {asset for job, asset in self.inputs if job not in going}
            held = {job for job, asset in self.outputs if asset in needed and self._is_made(asset)} & going
            if not held:
                break
            going -= held
        still_made = {asset for job, asset in self.outputs if job not in going}
        gone = {a for job, a in self.outputs if job in going and self._is_made(a) and a not in still_made}
        return replace(
            self,
            jobs={job_id: job for job_id, job in self.jobs.items() if job_id not in going},
            assets={asset_id: asset for asset_id, asset in self.assets.items() if asset_id not in gone},
            outputs={pair for pair in self.outputs if pair[0] not in going},
            inputs={pair for pair in self.inputs if pair[0] not in going},
        )

    def _is_made(self, asset_id: UUID) -> bool:
        return asset_id in self.assets and self.assets[asset_id]["key"].startswith("renders/")


async def sizes(services: Services) -> dict[str, int]:
    """The bytes of every stored file by its key."""
    keys = [key for prefix in ("assets", "renders") async for key, _ in services.files.keys(prefix)]
    return {key: await services.files.size(key) for key in keys}
