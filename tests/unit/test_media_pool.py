"""The API's own children: what they do to this process when they fail, which is nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app import media
from app.media import MediaPool
from domain.errors import MediaCrashed, StorageFull, TimedOut, TooLarge, Unavailable, UnsupportedMedia
from domain.media import ask
from render.errors import DamagedMedia
from tests.render.media_files import tone, write_video, write_wav
from tests.support.local_services import local_services
from tests.support.processes import pool_children

PROBE = "render.media.probe:probe"
HERE = "tests.unit.test_media_pool"


def raise_full() -> None:
    """What a child meets on a full disk."""
    raise OSError(28, "No space left on device")


def hoard(size: int) -> int:
    return len(bytearray(size))


def resident(size: int) -> None:
    """Hold so many bytes until somebody ends this."""
    kept = bytearray(size)
    for at in range(0, size, 4096):
        kept[at] = 1
    time.sleep(60)


@pytest.fixture
async def pool() -> AsyncIterator[MediaPool]:
    async with MediaPool() as pool:
        yield pool


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "song", tone(0.1, 8000, 1), 8000)


async def test_an_answer_and_a_refusal(pool: MediaPool, song: Path, tmp_path: Path) -> None:
    probe = await pool.run(PROBE, str(song))
    assert (probe.kind, probe.sample_rate) == ("AUDIO", 8000)
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(DamagedMedia, match="empty"):
        await pool.run(PROBE, str(empty))


async def test_thumbnails_and_peaks_are_made_inside_the_sandbox(
    pool: MediaPool, song: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    await pool.run("render.media.thumbnail:thumbnail", str(write_video(tmp_path / "v")), str(out), 32)
    assert out.read_bytes()[:2] == b"\xff\xd8"
    assert len(await pool.run("render.media.peaks:peaks", str(song), 5)) == 5


async def test_failures_are_told_and_end_nothing_else(
    pool: MediaPool, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MediaPool, "_pool_for", lambda self, function: self._readers)
    with pytest.raises(TimedOut, match=r"0\.3 s"):
        await pool.run("time:sleep", 30, timeout=0.3)
    with pytest.raises(MediaCrashed):
        await pool.run("os:abort")
    with pytest.raises(MediaCrashed):
        await pool.run("os:_exit", 3)
    with pytest.raises(StorageFull):
        await pool.run(f"{HERE}:raise_full")
    with pytest.raises(TooLarge, match="memory"):
        await pool.run(f"{HERE}:hoard", 64 * 1024**3)
    assert (await pool.run(PROBE, str(song))).kind == "AUDIO"


async def test_a_child_that_eats_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "PAINTER_BYTES", 200 * 1024**2)
    monkeypatch.setattr(media, "PAINTER_WARM", None)
    async with MediaPool() as pool:
        with pytest.raises(TooLarge, match="memory"):
            await pool.run(f"{HERE}:resident", 400 * 1024**2, timeout=20)


async def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_WAITING", 2)
    monkeypatch.setattr(media, "PAINTER_WARM", None)
    async with MediaPool() as pool:
        busy = [asyncio.create_task(pool.run("time:sleep", 30)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="try again"):
            await pool.run("time:sleep", 0)
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def test_a_queue_that_does_not_move_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "QUEUE_SECONDS", 0.1)
    monkeypatch.setattr(media, "PAINTER_WARM", None)
    async with MediaPool() as pool:
        busy = asyncio.create_task(pool.run("time:sleep", 30, timeout=60))
        await asyncio.sleep(0.2)
        with pytest.raises(TimedOut):
            await pool.run("time:sleep", 0, timeout=0.1)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_closing_leaves_no_process(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "PAINTER_WARM", None)
    async with MediaPool() as pool:
        pool.start()
        await pool.run(PROBE, str(song))
        children = pool_children()
        assert children
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


async def test_the_domain_says_it_in_its_own_words(pool: MediaPool, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home", media=pool)
    text = tmp_path / "text"
    text.write_text("no media at all")
    with pytest.raises(UnsupportedMedia) as refused:
        await ask(services, PROBE, str(text), field="file")
    assert refused.value.field == "file"


def test_this_process_never_loads_a_decoder(song: Path) -> None:
    """In a process of its own, so that what other tests loaded does not count."""
    program = f"""
import asyncio, sys
import app.rest.assets, app.uploads, domain.assets, domain.particles
from app.media import MediaPool
async def main():
    async with MediaPool() as pool:
        print((await pool.run({PROBE!r}, {str(song)!r})).kind)
asyncio.run(main())
print(sorted({{"av", "cv2", "numba", "librosa"}} & set(sys.modules)))
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:2] == ["AUDIO", "[]"], done.stderr
