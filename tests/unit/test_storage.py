"""Stored bytes: whole or not at all, in a folder and in an object store."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import storage
from app.storage import BLOCK_BYTES, BucketFiles, FolderFiles, checked_key, open_files
from domain.errors import NotFound, StorageFull, Unavailable
from domain.ports import Files
from tests.support.bucket_server import bucket_environment, bucket_server
from tests.support.full_disk import small_disk

KEY = "assets/ab/abcdef"


async def _all(blocks: AsyncIterator[bytes]) -> bytes:
    return b"".join([block async for block in blocks])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(BLOCK_BYTES + 1000))
    return path


@pytest.fixture(params=["folder", "bucket"])
async def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Files]:
    if request.param == "folder":
        yield FolderFiles(tmp_path / "a folder with spaces")
        return
    with bucket_server() as endpoint:
        for name, value in bucket_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        yield open_files("s3://films/under/here", tmp_path / "unused", tmp_path / "scratch")


async def test_bytes_come_back_in_blocks(files: Files, source: Path) -> None:
    await files.put(KEY, source)
    whole = source.read_bytes()
    assert await files.size(KEY) == len(whole)
    assert [len(block) async for block in files.stream(KEY, 0, len(whole))] == [BLOCK_BYTES, 1000]
    assert await _all(files.stream(KEY, 10, 20)) == whole[10:20]
    assert await _all(files.stream(KEY, 7, 7)) == b""
    async with files.local(KEY) as path:
        assert path.read_bytes() == whole


async def test_a_key_is_written_once(files: Files, source: Path, tmp_path: Path) -> None:
    await files.put(KEY, source)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    await files.put(KEY, other)
    assert await files.size(KEY) == source.stat().st_size


async def test_what_is_not_there(files: Files) -> None:
    assert not await files.exists(KEY)
    await files.delete(KEY)
    with pytest.raises(NotFound):
        await files.size(KEY)
    with pytest.raises(NotFound):
        await _all(files.stream(KEY, 0, 1))
    with pytest.raises(NotFound):
        async with files.local(KEY):
            pass


async def test_a_folder_goes_with_the_last_file_in_it(tmp_path: Path, source: Path) -> None:
    files = FolderFiles(tmp_path / "files")
    first, second, other = (f"renders/{job}/1/{name}" for job, name in (("a", "0"), ("a", "1"), ("b", "0")))
    for key in (first, second, other):
        await files.put(key, source)
    await files.delete(first)
    assert await files.exists(second)
    await files.delete(second)
    assert not (tmp_path / "files" / "renders" / "a").exists()
    assert await files.exists(other)
    await files.delete(other)
    assert [path.name for path in (tmp_path / "files").iterdir()] == [".staging"]


async def test_a_file_finds_its_folder_however_often_it_is_taken_away(tmp_path: Path) -> None:
    files = FolderFiles(tmp_path / "files")
    (tmp_path / "few").write_bytes(b"few")

    async def comes_and_goes(key: str) -> None:
        for _ in range(40):
            await files.put(key, tmp_path / "few")
            assert await files.size(key) == 3
            await files.delete(key)

    await asyncio.gather(*(comes_and_goes(f"renders/job/{n}") for n in range(4)))
    assert not (tmp_path / "files" / "renders").exists()


async def test_keys_and_ages_below_a_prefix(files: Files, source: Path) -> None:
    await files.put("renders/one/1/film.mp4", source)
    await files.put("renders/two/1/film.mp4", source)
    await files.put(KEY, source)
    listed = {key: age async for key, age in files.keys("renders")}
    assert set(listed) == {"renders/one/1/film.mp4", "renders/two/1/film.mp4"}
    assert all(age < 60 for age in listed.values())
    await files.delete("renders/one/1/film.mp4")
    assert [key async for key, _ in files.keys("renders")] == ["renders/two/1/film.mp4"]


async def test_a_large_file_goes_in_parts(files: Files, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(11 * 1024**2))
    await files.put(KEY, large)
    assert await _all(files.stream(KEY, 0, await files.size(KEY))) == large.read_bytes()


async def test_a_lent_copy_is_taken_back(files: Files, source: Path, tmp_path: Path) -> None:
    await files.put(KEY, source)
    async with files.local(KEY):
        pass
    scratch = tmp_path / "scratch"
    assert not scratch.exists() or not list(scratch.iterdir())


async def test_a_put_that_is_cancelled_leaves_nothing_to_come_later(tmp_path: Path, source: Path) -> None:
    """Whoever cancels it removes the file then, and no thread puts it there afterwards."""
    files = FolderFiles(tmp_path / "files")
    for number in range(20):
        putting = asyncio.create_task(files.put(f"a/{number}", source))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        await files.delete(f"a/{number}")
    await asyncio.sleep(0.3)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.b", "a b", "a\0b", "a\nb", "x" * 256],
)
async def test_a_key_never_leaves_its_place(key: str, tmp_path: Path, source: Path) -> None:
    files = FolderFiles(tmp_path / "files")
    with pytest.raises(ValueError, match="not a storage key"):
        checked_key(key)
    with pytest.raises(ValueError, match="not a storage key"):
        await files.put(key, source)
    with pytest.raises(ValueError, match="not a storage key"):
        files.stream(key, 0, 1)


async def test_a_folder_shows_nothing_before_it_is_whole(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = FolderFiles(tmp_path / "files")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_link_or_copy", full)
    with pytest.raises(StorageFull, match="full"):
        await files.put(KEY, source)
    assert not await files.exists(KEY)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_really_full_disk(tmp_path: Path, source: Path) -> None:
    with small_disk(tmp_path / "small", 512) as small:
        files = FolderFiles(small / "files")
        with pytest.raises(StorageFull):
            await files.put(KEY, source)
        assert not await files.exists(KEY)
        assert not [path for path in small.rglob("*") if path.is_file()]


async def test_another_file_system_gets_a_copy(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(Path, "hardlink_to", refused)
    files = FolderFiles(tmp_path / "files")
    await files.put(KEY, source)
    assert await _all(files.stream(KEY, 0, await files.size(KEY))) == source.read_bytes()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    FolderFiles(folder)
    old, fresh = folder / ".staging" / "old", folder / ".staging" / "fresh"
    old.write_bytes(b"")
    fresh.write_bytes(b"")
    os.utime(old, (0, 0))
    FolderFiles(folder)
    assert not old.exists()
    assert fresh.exists()


async def test_a_store_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(storage, "RETRIES", {**storage.RETRIES, "max_retries": 0})
    files = BucketFiles("s3://films", tmp_path)
    with pytest.raises(Unavailable):
        await files.size(KEY)


def test_which_store_a_setting_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ValueError, match="STORAGE_URL cannot be used"):
        open_files("az://container", tmp_path, tmp_path)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert isinstance(open_files("", tmp_path / "files", tmp_path), FolderFiles)
    named = tmp_path / "with space"
    assert isinstance(open_files(f"file://{str(named).replace(' ', '%20')}", tmp_path, tmp_path), FolderFiles)
    assert named.is_dir()
    for url in ("s3://bucket", "gs://bucket/prefix", "az://container", "s3a://bucket/a/b"):
        assert isinstance(open_files(url, tmp_path, tmp_path), BucketFiles)
    for url in ("http://example.org/x", "memory://", "ftp://x", "nonsense"):
        with pytest.raises(ValueError, match="STORAGE_URL must begin with"):
            open_files(url, tmp_path, tmp_path)


async def test_a_delete_that_is_given_up_is_cut_off_and_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives it up lets others have the key: nothing of it may be on its way longer than it must."""
    requests, asked, ends = 0, asyncio.Event(), asyncio.Event()

    async def never_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.read(65536):
            requests += 1
            asked.set()
        ends.set()
        writer.close()

    async with await asyncio.start_server(never_answers, "127.0.0.1", 0) as server:
        endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for name, value in bucket_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        deleting = asyncio.create_task(BucketFiles("s3://films", tmp_path).delete(KEY))
        await asyncio.wait_for(asked.wait(), 20.0)
        deleting.cancel()
        await asyncio.wait_for(ends.wait(), 20.0)
        await asyncio.sleep(0.5)
    assert requests == 1
