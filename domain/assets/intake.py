"""How a file becomes an asset: judged by a child process, named by its content, recorded with its bytes.

Bytes are stored once however often they come. A row is new for each upload, but for one: the same owner,
the same content and the same file name give the asset that is already there, so a client may repeat itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from db import assets as rows
from db.assets import Asset
from domain.accounts import Viewer
from domain.assets.names import candidates, clean_name, is_numbered, split_name
from domain.assets.places import upload_key
from domain.errors import InvalidInput, MediaCrashed, TimedOut, TooLarge, UnsupportedMedia
from domain.media import ask
from domain.ports import Limits, Services

PROBE = "render.media.probe:probe"
FIELD = "file"


@dataclass(frozen=True)
class NewAsset:
    """What a row says. `filename` is the wanted one; `key` is where the bytes lie already."""

    kind: str  # AUDIO, VIDEO, IMAGE or OTHER
    filename: str
    content_type: str
    size: int  # bytes
    sha256: str
    key: str
    duration: float | None = None  # seconds
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None  # Hz
    channels: int | None = None


async def store(
    viewer: Viewer, staged: Path, filename: str, *, services: Services, sha256: str | None = None
) -> Asset:
    """An asset of the staged file, which the caller removes afterwards and does not write to any more.

    `filename` is what the client calls it; `sha256` its hash where that is known already. Raises
    UnsupportedMedia, InvalidInput (empty, cut, broken), TooLarge naming the limit, StorageFull, TimedOut.
    """
    size = (await asyncio.to_thread(staged.stat)).st_size
    probe = await probed(staged, services)
    _check_size(probe.kind, size, services.limits)
    content = await asyncio.to_thread(hash_of, staged) if sha256 is None else sha256
    new = NewAsset(
        kind=probe.kind,
        filename=clean_name(filename, f"{probe.kind.lower()}{probe.extension}"),
        content_type=probe.content_type,
        size=size,
        sha256=content,
        key=upload_key(content),
        duration=probe.duration,
        width=probe.width,
        height=probe.height,
        sample_rate=probe.sample_rate,
        channels=probe.channels,
    )
    return await _stored(viewer.id, new, staged, services)


async def record(owner_id: UUID, new: NewAsset) -> Asset:
    """A row of its own, under the wanted name or the first free one after it, within the transaction that is
    open: whoever settles a job writes its outputs with this."""
    values = asdict(new)
    name = clean_name(new.filename, "file")
    taken: set[str] = set()
    for candidate in candidates(name):
        if candidate in taken:
            continue
        row = await rows.insert_if_name_is_free(owner_id, values | {"filename": candidate})
        if row is not None:
            return row
        taken = await rows.names_beginning(owner_id, split_name(name)[0])
    raise AssertionError("candidates never end")


async def _stored(owner_id: UUID, new: NewAsset, staged: Path, services: Services) -> Asset:
    """The bytes go first and without a transaction, since an object store may take minutes over them."""
    await services.files.put(new.key, staged)
    async with rows.key_held(new.key):
        known = await _repeated(owner_id, new)
        if known is not None:
            return known
        await hold(new.key, staged, services=services)
        return await record(owner_id, new)


async def hold(key: str, staged: Path, *, services: Services) -> None:
    """Until the transaction that is open ends, nobody else has the key, and its bytes are there: those that
    were put, or the staged ones where these were collected before the key was held."""
    async with rows.key_held(key):
        if not await services.files.exists(key):
            await services.files.put(key, staged)


async def taken(owner_id: UUID, new: NewAsset) -> Asset:
    """A row of bytes that the open transaction holds: the one that is there already, or a new one."""
    return await _repeated(owner_id, new) or await record(owner_id, new)


async def _repeated(owner_id: UUID, new: NewAsset) -> Asset | None:
    """The row that an earlier upload of the same content under the same name got."""
    same = await rows.of_key(owner_id, new.key)
    for row in same:
        if row.filename == new.filename:
            return row
    if not same or await rows.of_name(owner_id, new.filename) is None:
        return None  # the plain name is free: it is what the owner expects to see
    return next((row for row in same if is_numbered(row.filename, new.filename)), None)


async def probed(staged: Path, services: Services) -> Any:
    """A `render.media.probe.Probe`. What kills or stalls its reader is no media that we take."""
    try:
        return await ask(services, PROBE, str(staged), field=FIELD)
    except MediaCrashed as error:
        raise UnsupportedMedia(
            "The file broke the process that read it; it was refused", field=FIELD
        ) from error
    except TimedOut as error:
        raise InvalidInput(FIELD, "The file took too long to read; it was refused") from error


def _check_size(kind: str, size: int, limits: Limits) -> None:
    limit = {
        "AUDIO": limits.max_audio_bytes,
        "VIDEO": limits.max_video_bytes,
        "IMAGE": limits.max_image_bytes,
    }[kind]
    if size > limit:
        raise TooLarge(size_sentence(kind, limit), field=FIELD)


def size_sentence(kind: str, limit: int) -> str:
    return f"The file is too large: {kind.lower()} may have at most {limit:,} bytes"


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
