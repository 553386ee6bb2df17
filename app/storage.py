"""Stored bytes by key: a folder under STARLING_HOME by default, S3, GCS or Azure by STORAGE_URL.

A key is written once, whole or not at all: in a folder by a staged file, fsync and a rename, in an
object store by a (multipart) put, which shows nothing before its end. A second write of a key changes
nothing. Credentials of object stores come from the environment, as their vendors document it
(AWS_ACCESS_KEY_ID, AWS_ENDPOINT, AWS_REGION, GOOGLE_APPLICATION_CREDENTIALS, AZURE_...). A full disk is
StorageFull, bytes that are not there are NotFound, and a store that is away is Unavailable.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import aiofiles
import obstore
from obstore import exceptions
from obstore.store import LocalStore, from_url

from app.disk import FULL, full_disk_told
from domain.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig

BLOCK_BYTES = 1024**2  # one read: what a download holds in memory
MAX_KEY_CHARACTERS = 255
PROBE_KEY = "probe/ready"  # need not exist: the store has to answer
STAGING = ".staging"  # no key begins with a dot
ABANDONED_SECONDS = 3600.0
RETRIES: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def checked_key(key: str) -> str:
    """The key itself; ValueError for one that could leave its prefix or that a file system would not take."""
    segments = key.split("/")
    if len(key) > MAX_KEY_CHARACTERS or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise ValueError(f"not a storage key: {key!r}")
    return key


class FolderFiles:
    """`domain.ports.Files` over one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder.resolve()
        self._staging = self._folder / STAGING
        self._staging.mkdir(exist_ok=True, mode=0o700)
        _discard_abandoned(self._staging)
        self._store = LocalStore(prefix=self._folder)

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)

    async def put(self, key: str, source: Path) -> None:
        """The source may be linked, not copied: it must not be written to afterwards.

        Cancelled, it raises once the file is placed: whoever removes it then must not come too early.
        """
        placing = asyncio.create_task(asyncio.to_thread(_place, source, self._path(key), self._staging))
        try:
            await asyncio.shield(placing)
        except asyncio.CancelledError:
            await asyncio.gather(placing, return_exceptions=True)
            raise

    async def check(self) -> None:
        if not await asyncio.to_thread(_is_writable, self._staging):
            raise Unavailable("the folder of the stored files is gone or cannot be written")

    async def exists(self, key: str) -> bool:
        return await asyncio.to_thread(self._path(key).is_file)

    async def size(self, key: str) -> int:
        with _absence_told():
            return (await asyncio.to_thread(self._path(key).stat)).st_size

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(_remove, self._path(key), self._folder)

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        return _blocks(self._store, checked_key(key), start, end)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        path = self._path(key)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("The stored file is gone")
        yield path

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, float]]:
        return _listed(self._store, prefix)


class BucketFiles:
    """`domain.ports.Files` over an object store; `scratch` holds the copies that `local` lends."""

    def __init__(self, url: str, scratch: Path) -> None:
        self._store = from_url(url, retry_config=RETRIES)
        self._scratch = scratch

    async def put(self, key: str, source: Path) -> None:
        if await self.exists(key):
            return
        with _store_told():
            await obstore.put_async(self._store, checked_key(key), source)

    async def check(self) -> None:
        await self.exists(PROBE_KEY)

    async def exists(self, key: str) -> bool:
        try:
            await self.size(key)
        except NotFound:
            return False
        return True

    async def size(self, key: str) -> int:
        with _store_told():
            return int((await obstore.head_async(self._store, checked_key(key)))["size"])

    async def delete(self, key: str) -> None:
        try:
            with _store_told():
                await obstore.delete_async(self._store, checked_key(key))
        except NotFound:
            return

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        return _blocks(self._store, checked_key(key), start, end)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        size = await self.size(key)
        self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy = self._scratch / f"copy-{uuid4().hex}"
        try:
            await _download(self.stream(key, 0, size), copy)
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, float]]:
        return _listed(self._store, prefix)


def open_files(storage_url: str, folder: Path, scratch: Path) -> FolderFiles | BucketFiles:
    """The storage that a setting names: "" is the folder; ValueError for a URL that no store answers to."""
    if not storage_url:
        return FolderFiles(folder)
    scheme = urlsplit(storage_url).scheme
    if scheme == "file":
        return FolderFiles(Path(unquote(urlsplit(storage_url).path)))
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in ("file", *SCHEMES))
        raise ValueError(f"STORAGE_URL must begin with one of {known}")
    try:
        return BucketFiles(storage_url, scratch)
    except exceptions.BaseError as error:
        raise ValueError(f"STORAGE_URL cannot be used: {str(error).splitlines()[0]}") from error


def _is_writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _discard_abandoned(staging: Path) -> None:
    """What a killed process left half written, by the clock of the disk: machines that share it may differ
    by more than a file may be old."""
    os.utime(staging)
    now = staging.stat().st_mtime
    for path in staging.iterdir():
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


def _place(source: Path, target: Path, staging: Path) -> None:
    """Give the bytes of `source` the name `target`, durably; what is there already stays."""
    if target.exists():
        return
    beside = staging / uuid4().hex
    try:
        with full_disk_told():
            _link_or_copy(source, beside)
            os.utime(beside)
            _sync(beside)
            _name(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _name(beside: Path, target: Path) -> None:
    """Rename into a folder that `_remove` may take away at any moment before the rename."""
    for is_last in (*[False] * 9, True):
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.rename(target)
            break
        except (FileNotFoundError, FileExistsError):
            if is_last or not beside.exists():
                raise
    with suppress(FileNotFoundError):  # deleted already
        _sync(target.parent)


def _remove(path: Path, root: Path) -> None:
    """The file, and the folders that it alone kept: a job's folder goes with its film."""
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == root:
            return
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in (errno.ENOENT, *FULL):
            raise
        shutil.copyfile(source, target)  # another file system, or one without links


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _download(blocks: AsyncIterator[bytes], target: Path) -> None:
    with full_disk_told():
        async with aiofiles.open(target, "wb") as file:
            async for block in blocks:
                await file.write(block)


async def _blocks(store: ObjectStore, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    """One short request a block: a client that reads slowly holds no connection of the store."""
    while start < end:
        stop = min(start + BLOCK_BYTES, end)
        with _store_told():
            block = bytes(await obstore.get_range_async(store, key, start=start, end=stop))
        if not block:
            raise NotFound("The stored file is shorter than it was")
        yield block
        start += len(block)


async def _listed(store: ObjectStore, prefix: str) -> AsyncIterator[tuple[str, float]]:
    now = datetime.now(UTC)
    async for batch in obstore.list(store, prefix=prefix):
        for entry in batch:
            yield entry["path"], (now - entry["last_modified"]).total_seconds()


@contextmanager
def _absence_told() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("The stored file is gone") from error


@contextmanager
def _store_told() -> Iterator[None]:
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise NotFound("The stored file is gone") from error
    except exceptions.BaseError as error:
        raise Unavailable("The storage did not answer") from error
