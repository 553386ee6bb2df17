"""Rows that tests begin with, written as the domain would have left them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from db.assets import Asset
from db.audio_analyses import AudioAnalysis
from db.jobs import Job, JobOutput
from db.particles import ParticleSystem
from domain.accounts import Viewer
from render.audio.version import ANALYSIS_VERSION
from render.particles.config import ParticleConfig, to_json

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


async def an_asset(viewer: Viewer, **given: Any) -> Asset:
    """A song of three seconds that was never uploaded: its bytes are nowhere."""
    id = uuid4()
    values = {
        "kind": "AUDIO",
        "filename": f"{id}.wav",
        "content_type": "audio/wav",
        "size": 264_644,
        "sha256": id.hex * 2,
        "key": f"assets/{id.hex[:2]}/{id.hex}",
        "duration": 3.0,
        "sample_rate": 44_100,
        "channels": 2,
    }
    return await Asset.create(id=id, owner_id=viewer.id, **{**values, **given})


async def an_analysis(asset: Asset) -> AudioAnalysis:
    """Of a song of three seconds with four beats."""
    facts = {
        "duration": 3.0,
        "bpm": 90.0,
        "bpm_confidence": 0.9,
        "bpm_candidates": [90.0, 45.0],
        "key": "A minor",
        "key_confidence": 0.8,
        "tuning_cents": 0.0,
        "loudness_lufs": -14.0,
        "true_peak_dbtp": -1.0,
        "beats": [0.0, 0.667, 1.333, 2.0],
        "downbeats": [0.0],
        "energy": [1.0, 0.5, 0.8, 0.5],
    }
    return await AudioAnalysis.create(sha256=asset.sha256, version=ANALYSIS_VERSION, facts=facts)


async def a_job(viewer: Viewer, number: int = 0, **given: Any) -> Job:
    """A completed render; with `number` jobs lie a second apart, the greatest the newest."""
    moment = EPOCH + timedelta(seconds=number)
    values = {
        "kind": "PARTICLE_RENDER",
        "params": {},
        "state": "COMPLETED",
        "run_at": moment,
        "queue_at": moment,
        "attempt": 1,
        "progress": 100.0,
        "stages": [stage("features"), stage("render"), stage("publish")],
        "created_at": moment,
        "started_at": moment,
        "updated_at": moment,
        "completed_at": moment,
        "result": {},
    }
    return await Job.create(id=uuid4(), owner_id=viewer.id, **{**values, **given})


def stage(name: str, status: str = "COMPLETED") -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "progress": 100.0,
        "message": None,
        "started_at": EPOCH.isoformat(),
        "completed_at": EPOCH.isoformat(),
        "error": None,
    }


async def an_output(job: Job, viewer: Viewer, role: str = "video", **given: Any) -> Asset:
    asset = await an_asset(viewer, **{"kind": "VIDEO", "content_type": "video/mp4", **given})
    await JobOutput.create(job_id=job.id, asset_id=asset.id, role=role)
    return asset


async def a_system(viewer: Viewer, number: int = 0, **given: Any) -> ParticleSystem:
    moment = EPOCH + timedelta(seconds=number)
    values = {
        "name": f"system {number}",
        "particle_type": "SNOW",
        "config": to_json(ParticleConfig()),
        "created_at": moment,
        "updated_at": moment,
    }
    return await ParticleSystem.create(id=uuid4(), owner_id=viewer.id, **{**values, **given})


def ids(rows: list[Any]) -> list[str]:
    return [str(row.id) for row in rows]


def unknown_ids() -> list[str]:
    """What no row has, in every shape that a client may send."""
    return [
        str(UUID(int=0)),
        str(uuid4()),
        "",
        "nonsense",
        "1",
        "' OR 1=1 --",
        "x" * 10_000,
        "\u2603",
        "a\tb",
    ]
