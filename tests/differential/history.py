"""Rows of all that the real schema can show: jobs in every state, files, systems; some of them are deleted.

Nothing here is of this moment, so that whoever asks twice is told the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from db.assets import Asset
from db.jobs import Job, JobInput, JobOutput
from db.particles import ParticleSystem
from domain.accounts import Viewer
from domain.jobs.kinds import VOCABULARY
from domain.pages import Key
from render.particles.config import ParticleConfig, ParticleType, to_json
from tests.differential.operations import UNKNOWN
from tests.support.rows import EPOCH, a_job, a_system, an_analysis, an_asset, stage

STATES = ("PENDING", "PROCESSING", "COMPLETED", "COMPLETED", "FAILED", "CANCELLED")
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
KINDS = (*sorted(VOCABULARY), "OF_A_LATER_VERSION", *["PARTICLE_RENDER"] * 10)
MEDIA: tuple[dict[str, Any], ...] = (
    {"kind": "AUDIO", "content_type": "audio/wav", "duration": 3.0, "sample_rate": 44_100, "channels": 2},
    {"kind": "VIDEO", "content_type": "video/mp4", "width": 640, "height": 360, "duration": 2.5},
    {"kind": "IMAGE", "content_type": "image/png", "width": 8, "height": 8, "duration": None, "size": 2**40},
    {"kind": "OTHER", "content_type": "x/y", "duration": None, "sample_rate": None, "channels": None},
)
ROLES = ("video", "audio", "image", "preview", "drums", "midi")
JSON_VALUES: tuple[Any, ...] = ({}, {"b": [1, 2.5, None], "a": {"deep": True}}, {"t": "\u2603"}, [], 0)

NOWHERE = ("", "nonsense", "\u2603", str(uuid4()))  # ids of nothing


@dataclass
class History:
    rng: random.Random
    jobs: list[Job] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    systems: list[ParticleSystem] = field(default_factory=list)

    async def fill(self, viewer: Viewer) -> None:
        for _ in range(14):
            self.assets.append(await self._asset(viewer))
        for number in range(8):
            self.systems.append(await self._system(viewer, number))
        for number in range(40):
            self.jobs.append(await self._job(viewer, number))

    def draw(self, rng: random.Random, coordinate: str, type_: Any) -> Any:
        """Ids and cursors that there are, and a few that there are not; pages of sensible sizes."""
        name = coordinate.rsplit(".", 1)[-1]
        is_bad = rng.random() < 0.03
        match name:
            case "after":
                row: Any = rng.choice([*self.jobs, *self.assets, *self.systems])
                there = rng.choice((None, None, Key(row.created_at, row.id).encode()))
                return "nonsense" if is_bad else there
            case "first":
                return rng.choice((0, 101)) if is_bad else rng.choice((1, 2, 3, 5, 10, 50))
            case "width":
                return -1 if is_bad else rng.choice((16, 64, 640))
            case "time":
                return -1 if is_bad else rng.choice((0, 0.5, 2))
            case "config":
                return rng.choice((None, {}, {"fps": -5 if is_bad else 24}, {"glow": 0.5, "width": None}))
            case "id" | "audioId" | "subjectId":
                return rng.choice(NOWHERE) if is_bad else self._id(rng, coordinate)
        return UNKNOWN

    def _id(self, rng: random.Random, coordinate: str) -> str:
        songs = [each for each in self.assets if each.kind == "AUDIO" and each.deleted_at is None]
        rows: dict[str, list[Any]] = {
            "Query.asset.id": self.assets,
            "Query.particleSystem.id": self.systems,
            "Subscription.particleSystemUpdates.id": self.systems,
            "Query.particleFrameUrl.audioId": songs or self.assets,
            "JobFilter.subjectId": self.systems,
        }
        return str(rng.choice(rows.get(coordinate, self.jobs)).id)

    async def _asset(self, viewer: Viewer) -> Asset:
        deleted = EPOCH if self.rng.random() < 0.15 else None
        created = EPOCH + timedelta(
            seconds=self.rng.randrange(5), microseconds=self.rng.choice((0, 7, 120_000))
        )
        asset = await an_asset(viewer, **self.rng.choice(MEDIA), deleted_at=deleted)
        await Asset.filter(id=asset.id).update(created_at=created)
        asset.created_at = created
        if self.rng.random() < 0.5:
            await an_analysis(asset)
        return asset

    async def _system(self, viewer: Viewer, number: int) -> ParticleSystem:
        config = ParticleConfig(
            duration=self.rng.choice((None, 4.0)),
            background=self.rng.choice((None, (1, 2, 3))),
            show_hud=self.rng.random() < 0.5,
        )
        songs = [asset for asset in self.assets if asset.kind == "AUDIO"]
        return await a_system(
            viewer,
            number // 2,
            particle_type=self.rng.choice([each.value for each in ParticleType]),
            config=to_json(config),
            audio_id=self.rng.choice(songs).id if songs and self.rng.random() < 0.6 else None,
        )

    async def _job(self, viewer: Viewer, number: int) -> Job:
        rng = self.rng
        state = rng.choice(STATES)
        job = await a_job(
            viewer,
            number // 2,
            kind=rng.choice(KINDS),
            state=state,
            priority=rng.randrange(3),
            params=rng.choice(JSON_VALUES[:3]),
            result=rng.choice((None, *JSON_VALUES)),
            error={"code": "INTERNAL", "message": "it broke"} if state == "FAILED" else None,
            lease_until=EPOCH + timedelta(days=10_000) if state == "PROCESSING" else None,
            completed_at=EPOCH if state in ENDED else None,
            started_at=rng.choice((None, EPOCH)),
            stages=self._stages(state),
            progress=rng.choice((0.0, 33.3, 100.0)),
            message=rng.choice((None, "on it")),
            eta_seconds=rng.choice((None, 1.5)),
            cost_usd=rng.choice((0.0, 0.125)),
            cached=rng.random() < 0.2,
            cancel_requested_at=EPOCH if state == "PROCESSING" and rng.random() < 0.3 else None,
            callback_url=rng.choice((None, "https://example.org/told")),
            retry_of=rng.choice(self.jobs).id if self.jobs and rng.random() < 0.3 else None,
            **self._subject(),
        )
        await self._files(job)
        return job

    def _stages(self, state: str) -> list[dict[str, Any]]:
        """Some with an error, some without a time, some of before `message` was written."""
        found = [stage(name, self.rng.choice(STATES)) for name in ("features", "render", "publish")]
        found[0]["error"] = {"code": "MEDIA", "message": "no sound"} if state == "FAILED" else None
        found[1]["started_at"] = self.rng.choice((None, EPOCH.isoformat()))
        del found[2]["message"]
        return found[: self.rng.randrange(4)]

    def _subject(self) -> dict[str, str]:
        if self.rng.random() < 0.4:
            return {}
        there = str(self.rng.choice(self.systems).id)
        return {"subject_type": "ParticleSystem", "subject_id": self.rng.choice((there, there, str(uuid4())))}

    async def _files(self, job: Job) -> None:
        for role in self.rng.sample(ROLES, self.rng.choice((0, 1, 2, 3))):
            await JobOutput.create(job_id=job.id, asset_id=self.rng.choice(self.assets).id, role=role)
        for asset in self.rng.sample(self.assets, self.rng.choice((0, 1))):
            await JobInput.create(job_id=job.id, asset_id=asset.id)
