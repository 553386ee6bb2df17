"""Media of strangers in sandboxed children: the real functions work there, and what is bad stays in there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from render.errors import DamagedMedia, MediaTooLarge, UnsupportedMedia
from tests.render.media_files import png_bomb, tone, write_image, write_sound, write_video, write_wav
from workers.children import ChildDied, ChildPool, Sandbox

CALLS = "tests.failures.child_calls"


@pytest.fixture
async def readers() -> AsyncIterator[ChildPool]:
    async with ChildPool(1, sandbox=True, memory_limit_bytes=1 << 30, warm="render.media.warm:warm") as pool:
        await pool.warmed()
        yield pool


async def test_probe_thumbnail_and_peaks_work_in_the_sandbox(readers: ChildPool, tmp_path: Path) -> None:
    song = write_sound(tmp_path / "song", tone(1.0), codec="libmp3lame", muxer="mp3")
    film = write_video(tmp_path / "film")
    photo = write_image(tmp_path / "photo", np.zeros((3000, 4000, 3), np.uint8), "mjpeg")
    pids = readers.pids()
    assert (await readers.run("render.media.probe:probe", str(song))).duration == pytest.approx(1.0)
    assert (await readers.run("render.media.probe:probe", str(film))).kind == "VIDEO"
    await readers.run("render.media.thumbnail:thumbnail", str(photo), str(tmp_path / "t.jpg"), 640)
    assert (tmp_path / "t.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert await readers.run("render.media.peaks:peaks", str(song), 3) == pytest.approx([0.25] * 3, abs=0.02)
    assert readers.pids() == pids


async def test_bad_files_are_sentences_and_cost_no_child(readers: ChildPool, tmp_path: Path) -> None:
    pids = readers.pids()
    path = tmp_path / "x"
    for content, error in (
        (b"", DamagedMedia),
        (b"#EXTM3U\n", UnsupportedMedia),
        (png_bomb(20_000, 20_000), MediaTooLarge),
        (write_wav(tmp_path / "w", tone(1.0)).read_bytes()[:20_000], DamagedMedia),
    ):
        path.write_bytes(content)
        with pytest.raises(error) as caught:
            await readers.run("render.media.probe:probe", str(path))
        assert caught.value.sentence.endswith(".")
    assert readers.pids() == pids


async def test_decoding_that_wants_too_much_memory_is_a_sentence(tmp_path: Path) -> None:
    """A picture within the pixel limit, in a child that may have next to nothing."""
    photo = write_image(tmp_path / "photo", np.zeros((7000, 7000, 3), np.uint8), "png")
    sandbox = Sandbox(address_space_bytes=320 << 20)
    async with ChildPool(1, sandbox=sandbox, warm="render.media.warm:warm") as pool:
        with pytest.raises(MediaTooLarge, match="more memory"):
            await pool.run("render.media.thumbnail:thumbnail", str(photo), str(tmp_path / "t.png"))
        assert await pool.run(f"{CALLS}:add", 1, 1) == 2


async def test_the_sandbox_has_no_network_where_the_kernel_allows_it(readers: ChildPool) -> None:
    interfaces = await readers.run(f"{CALLS}:network_interfaces")
    if not await readers.run(f"{CALLS}:has_own_network", _network_of_this_process()):
        pytest.skip("this machine gives no network name space")
    assert interfaces == ["lo"]


async def test_a_child_that_hangs_in_a_decoder_is_ended(readers: ChildPool) -> None:
    with pytest.raises(ChildDied) as caught:
        await readers.run(f"{CALLS}:hog", 2 << 30, timeout=20)
    assert caught.value.reason == "memory"


def _network_of_this_process() -> str:
    return str(Path("/proc/self/ns/net").readlink())
