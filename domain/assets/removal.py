"""Deletion and what is left behind.

A deleted asset is gone for its owner at once. Its bytes stay while another row names them or an unfinished
job reads them, and go with the last of these: at once where nothing holds them, else by the daily sweep.
The sweep also removes what a killed process left: orphans of renders, staged uploads, stale derivations.
Nothing that is in use is ever touched.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from db import assets as rows
from db import audio_analyses, sound_portraits
from domain.accounts import Viewer
from domain.assets.places import (
    FEATURES,
    FRAMES,
    PEAKS,
    RENDERS,
    THUMBNAILS,
    UPLOADS,
    derived_keys,
    features_key,
)
from domain.errors import NotFound, Unavailable
from domain.ports import Services
from render.audio.portraits.likeness import PORTRAIT_VERSION
from render.audio.version import ANALYSIS_VERSION

DAY_SECONDS = 86_400.0
STAGED_SECONDS = 6 * 3600.0  # an upload that is being received is written to all the time
STAGED_UPLOADS = "uploads"
STAGED_FOLDER_PREFIX = "drawn-"  # folders of pictures that a child of the API draws
DELETE_SECONDS = 10.0  # of bytes whose key is held: the server ends a transaction that is idle for 15 s
_BATCH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Swept:
    """How many of each were removed."""

    stored: int
    derived: int
    staged: int


async def delete(viewer: Viewer, asset_id: UUID, *, services: Services) -> None:
    """Raises NotFound. Particle systems that played it have no audio afterwards. A storage that is away
    delays only the removal of the bytes: the sweep does it then."""
    asset, systems = await rows.mark_deleted(viewer.id, asset_id)
    if asset is None:
        raise NotFound("Asset not found")
    await services.events.nudge(*(f"particles:{system_id}" for system_id in systems))
    try:
        await collect(asset.key, asset.sha256, services=services)
    except Unavailable as error:
        log.warning("the bytes of a deleted asset stay until the sweep: %s", error.message)


async def collect(key: str, sha256: str, *, services: Services) -> bool:
    """Remove the bytes of a key that nothing uses, and what was derived of them; False where it is used.

    Raises Unavailable."""
    async with rows.key_held(key):
        is_used = await rows.is_key_in_use(key)
        if not is_used:
            await _delete_held(key, services)
        await rows.forget_deleted(key)
    if is_used:
        return False
    if not await rows.is_content_in_use(sha256):
        for derived in derived_keys(sha256):
            await services.files.delete(derived)
        await audio_analyses.forget(sha256)
        await sound_portraits.forget(sha256)
    return True


async def remove_orphan(key: str, *, services: Services) -> bool:
    """Remove the bytes of a key that no row names, deleted or not; False where one does.

    Raises Unavailable."""
    async with rows.key_held(key):
        if await rows.known_keys([key]):
            return False
        await _delete_held(key, services)
        return True


async def _delete_held(key: str, services: Services) -> None:
    """Delete bytes whose key is held. Raises Unavailable while it still is.

    A store may take longer than the server lets the transaction stand idle. The lock would be gone with that
    before the bytes are, somebody could record a new row of them, and what the store says at last would be
    hidden by a rollback that fails.

    Given up, the request ends with its connection and is not sent again. What remains: a store that has read
    it whole may still carry it out, as may a thread that waits for a file system. An upload of the same
    content that is recorded before then loses its bytes; what jobs make never does, since no key of theirs is
    used twice. The same goes for a process that is paused here until its transaction is ended.
    """
    try:
        async with asyncio.timeout(DELETE_SECONDS):
            await services.files.delete(key)
    except TimeoutError as error:
        raise Unavailable("The storage did not answer") from error


async def sweep(services: Services) -> Swept:
    """What the daily round removes; several at once do no harm."""
    stored = await _collect_deleted(services)
    stored += await _remove_orphans(UPLOADS, services)
    stored += await _remove_orphans(RENDERS, services)
    derived = await _remove_derived(services)
    derived += await audio_analyses.forget_unused(DAY_SECONDS, ANALYSIS_VERSION)
    derived += await sound_portraits.forget_unused(DAY_SECONDS, PORTRAIT_VERSION)
    staged = await asyncio.to_thread(discard_staged, services.scratch / STAGED_UPLOADS, STAGED_SECONDS)
    staged += await asyncio.to_thread(discard_staged, services.scratch, DAY_SECONDS)
    return Swept(stored, derived, staged)


def discard_staged(folder: Path, older_than_seconds: float) -> int:
    """What a killed process had staged; any other folder below is somebody else's."""
    removed = 0
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime <= older_than_seconds:
                    continue
                if path.is_file():
                    path.unlink()
                elif path.name.startswith(STAGED_FOLDER_PREFIX):
                    shutil.rmtree(path)
                else:
                    continue
                removed += 1
    return removed


async def _collect_deleted(services: Services) -> int:
    removed, after = 0, ""
    while batch := await rows.deleted_keys(_BATCH, after):
        for key, sha256 in batch:
            removed += await collect(key, sha256, services=services)
        after = batch[-1][0]
    return removed


async def _remove_orphans(prefix: str, services: Services) -> int:
    """Bytes that no row names: of an upload cut by a crash, of a worker that lost its lease."""
    removed = 0
    async for batch in _old_keys(prefix, services):
        orphans = set(batch) - await rows.known_keys(batch)
        busy = await rows.unfinished_jobs({job for key in orphans if (job := _job_of(key)) is not None})
        for key in orphans:
            if _job_of(key) not in busy or _job_of(key) is None:
                removed += await remove_orphan(key, services=services)
    return removed


async def _remove_derived(services: Services) -> int:
    removed = 0
    for prefix in (THUMBNAILS, PEAKS, FEATURES):
        async for batch in _old_keys(prefix, services):
            known = await rows.known_contents({_content_of(key) for key in batch})
            for key in batch:
                if _content_of(key) not in known or _is_outdated(key):
                    await services.files.delete(key)
                    removed += 1
    async for batch in _old_keys(FRAMES, services):
        for key in batch:
            await services.files.delete(key)
            removed += 1
    return removed


def _is_outdated(key: str) -> bool:
    """Features of an earlier version, which nothing reads any more."""
    return key.startswith(f"{FEATURES}/") and key != features_key(_content_of(key))


def _content_of(key: str) -> str:
    return key.partition("/")[2][:64]


def _job_of(key: str) -> UUID | None:
    prefix, _, rest = key.partition("/")
    try:
        return UUID(rest.partition("/")[0]) if prefix == RENDERS else None
    except ValueError:
        return None


async def _old_keys(prefix: str, services: Services) -> AsyncIterator[list[str]]:
    """The keys below a prefix that are older than a day, in batches."""
    batch: list[str] = []
    async for key, age_seconds in services.files.keys(prefix):
        if age_seconds > DAY_SECONDS:
            batch.append(key)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
