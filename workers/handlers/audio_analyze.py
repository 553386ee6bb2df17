"""AUDIO_ANALYZE: listen to a track, once for its content, and keep what was heard beside it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from db import particles as rows
from db.jobs import Job
from domain import audio_analysis
from domain.errors import NotFound
from render.audio.facts import Analysis
from workers.run import Run, Settlement

ANALYSE = "render.audio.analysis:analyse"
PROVIDER = "starling-analysis"
_LISTS = ("beats", "downbeats", "energy")  # long ones: they are the analysis's, not the job's


async def audio_analyze(run: Run) -> Settlement:
    await run.stage("listen", "listening to the song")
    sha256 = run.params["sha256"]
    known = (await audio_analysis.by_contents([sha256])).get(sha256)
    if known is not None:
        return Settlement(_result(known.facts))
    audio = await rows.song_row(UUID(run.params["audio_id"]))
    if audio is None:
        raise NotFound("Audio file not found")
    async with run.services.files.local(audio.key) as path:
        found: Analysis = await run.child(ANALYSE, str(path), pool="features")
    facts = asdict(found)

    async def keep(job: Job) -> None:
        await audio_analysis.keep(sha256, facts)

    return Settlement(_result(facts), rows=keep)


def _result(facts: dict[str, Any]) -> dict[str, Any]:
    return {"provider": PROVIDER, **{name: value for name, value in facts.items() if name not in _LISTS}}
