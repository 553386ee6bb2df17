"""STEM_DIFF: what a stem has in the head less what it has in the base, as one file.

Both sides are named in the job's params. Whether its owner may see the commits is asked again when it runs:
it may have waited, or been run again, since they were made private.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from domain import accounts, commits
from domain.commits.rendering import ROLE
from domain.errors import NotFound
from render.audio.mixing.facts import Mixed, Part
from workers.run import NewOutput, Run, Settlement

MIX = "render.audio.mixing.mixing:mix"
PROVIDER = "starling-mixer"


async def stem_diff(run: Run) -> Settlement:
    """Raises NotFound where a commit, or what it sounded like, is not there for the job's owner."""
    viewer = await accounts.owner(run.job.owner_id)
    for field in ("base_id", "head_id"):
        await commits.get(viewer, UUID(run.params[field]), field)
    await run.stage("mix", "taking one from the other")
    place = run.scratch / "difference.flac"
    async with AsyncExitStack() as held:
        sides = [(run.params["after"], 1.0), (run.params["before"], -1.0)]
        parts = [await _part(run, side, sign, held) for side, sign in sides if side is not None]
        made: Mixed = await run.child(MIX, parts, str(place), pool="features")
    await run.stage("publish", "storing the difference")
    output = NewOutput(
        ROLE,
        place,
        run.params["filenames"][ROLE],
        "audio/flac",
        "AUDIO",
        duration=made.duration,
        sample_rate=made.sample_rate,
        channels=made.channels,
    )
    return Settlement(_result(run, made), [output])


async def _part(run: Run, side: dict[str, Any], sign: float, held: AsyncExitStack) -> Part:
    asset_id = UUID(side["asset_id"])
    file = (await commits.files([asset_id])).get(asset_id)
    if file is None:
        raise NotFound("The commit was deleted, and its audio file with it")
    run.transfer()
    path = await held.enter_async_context(run.services.files.local(file.key))
    return Part(str(path), sign * side["gain"])


def _result(run: Run, made: Mixed) -> dict[str, Any]:
    """Loudness and true peak are those of the difference itself, None where there is none to hear; `gain_db`
    is what its file was turned down by to fit."""
    return {
        "provider": PROVIDER,
        "type": run.params["type"],
        "duration": made.duration,
        "sample_rate": made.sample_rate,
        "channels": made.channels,
        "size": made.size,
        "gain_db": made.gain_db,
        "loudness_lufs": _before(made.loudness_lufs, made.gain_db),
        "true_peak_dbtp": _before(made.true_peak_dbtp, made.gain_db),
        "seconds": round(made.seconds, 3),
    }


def _before(level: float | None, gain_db: float) -> float | None:
    return None if level is None else round(level - gain_db, 2)
