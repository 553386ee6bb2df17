"""COMMIT_RENDER: listen to the stems that nobody has listened to, mix them all, and hand the mix over.

What a set of stems sounds like depends on bytes and gains alone, so where they were mixed before, for
whomever, that mix is taken again. A set that is gone, with the last commit that had it, needs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

from db.assets import Asset
from db.jobs import Job
from db.stems import Stem
from domain import portraits
from domain.commits import rendering
from domain.errors import Unavailable
from domain.jobs import cache, outputs
from domain.jobs.cache import Answer
from render.audio.mixing.facts import Mixed, Part
from render.audio.portraits.likeness import Portrait
from render.errors import RenderError
from workers.run import NewOutput, Run, Settlement

MIX = "render.audio.mixing.mixing:mix"
PORTRAY = "render.audio.portraits.portrait:portray"
PROVIDER = "starling-mixer"
Stems = list[tuple[Stem, Asset]]


async def commit_render(run: Run) -> Settlement:
    await run.stage("listen", "listening to the stems")
    stems = await rendering.to_mix(UUID(run.params["stem_set_id"]))
    if not stems:
        return Settlement({"provider": PROVIDER, "is_commit_gone": True})
    async with AsyncExitStack() as held:
        paths = []
        for _, file in stems:
            run.transfer()
            paths.append(str(await held.enter_async_context(run.services.files.local(file.key))))
        heard = await _portraits(run, stems, paths)
        if not run.params["is_to_mix"]:
            return _heard(heard)
        earlier = await _earlier(run)
        if earlier is not None:
            return _again(run, earlier, heard)
        await run.stage("mix", "mixing the stems")
        parts = [Part(path, stem.gain) for path, (stem, _) in zip(paths, stems, strict=True)]
        place = run.scratch / "mix.flac"
        made: Mixed = await run.child(MIX, parts, str(place), pool="features")
    await run.stage("publish", "storing the mix")
    return _mixed(run, stems, made, place, heard)


async def _portraits(run: Run, stems: Stems, paths: Sequence[str]) -> dict[str, Portrait]:
    """Of those that lack one, by content. What cannot be heard says which stem it is."""
    found: dict[str, Portrait] = {}
    lacking = await portraits.lacking({file.sha256 for _, file in stems})
    for (stem, file), path in zip(stems, paths, strict=True):
        if file.sha256 in lacking and file.sha256 not in found:
            share = (len(found) / len(lacking), (len(found) + 1) / len(lacking))
            try:
                found[file.sha256] = await run.child(PORTRAY, path, pool="features", share=share)
            except RenderError as error:
                raise type(error)(f"The {stem.type} stem: {error.sentence}") from error
    return found


async def _earlier(run: Run) -> Answer | None:
    """The same mix, made before; a retry by hand makes it anew."""
    if run.job.retry_of is not None:
        return None
    return await cache.lookup(run.job.cache_key, run.services)


def _heard(heard: dict[str, Portrait]) -> Settlement:
    async def keep(job: Job) -> None:
        await portraits.keep(heard)

    return Settlement({"provider": PROVIDER, "heard": len(heard)}, rows=keep)


def _again(run: Run, earlier: Answer, heard: dict[str, Portrait]) -> Settlement:
    async def keep(job: Job) -> None:
        if not await earlier.holds():
            raise Unavailable("The earlier mix was deleted just now")  # so it is made at the next attempt
        await outputs.keep(job.id, job.owner_id, earlier.named(job.params))
        await _kept(job, heard)

    return Settlement(earlier.result, rows=keep)


def _mixed(run: Run, stems: Stems, made: Mixed, place: Path, heard: dict[str, Portrait]) -> Settlement:
    async def keep(job: Job) -> None:
        await _kept(job, heard)

    output = NewOutput(
        rendering.ROLE,
        place,
        run.params["filenames"][rendering.ROLE],
        "audio/flac",
        "AUDIO",
        duration=made.duration,
        sample_rate=made.sample_rate,
        channels=made.channels,
    )
    return Settlement(_result(stems, made), [output], rows=keep)


async def _kept(job: Job, heard: dict[str, Portrait]) -> None:
    if not await rendering.keep(job):
        raise Unavailable("The commit was deleted just now")  # which the next attempt finds
    await portraits.keep(heard)


def _result(stems: Stems, made: Mixed) -> dict[str, Any]:
    """`gain_db` is what the sum of the stems was turned down by; `seconds` is what the work took."""
    return {
        "provider": PROVIDER,
        "stems": [stem.type.lower() for stem, _ in stems],
        "duration": made.duration,
        "sample_rate": made.sample_rate,
        "channels": made.channels,
        "size": made.size,
        "gain_db": made.gain_db,
        "loudness_lufs": made.loudness_lufs,
        "true_peak_dbtp": made.true_peak_dbtp,
        "seconds": round(made.seconds, 3),
        "times_real_time": round(made.duration / max(made.seconds, 1e-3), 2),
    }
