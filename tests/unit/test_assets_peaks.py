"""Waveforms: computed once by a child, kept, and reduced to any length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.context import TortoiseContext

from domain import assets
from domain.accounts import Viewer, local_owner
from domain.assets.derived import MAX_PEAKS, reduced
from domain.errors import InvalidInput
from tests.render.media_files import tone, write_image, write_wav
from tests.support.local_services import MediaInThread, local_services


@pytest.fixture
async def viewer(database: TortoiseContext) -> Viewer:
    return await local_owner()


async def test_quiet_then_loud(viewer: Viewer, tmp_path: Path) -> None:
    media = MediaInThread()
    services = local_services(tmp_path / "home", media=media)
    samples = np.concatenate((tone(1.0, 8000, 1) * 0.4, tone(1.0, 8000, 1) * 3.2), axis=1)
    song = write_wav(tmp_path / "song", samples, 8000)
    asset = await assets.store(viewer, song, "a.wav", services=services)
    values = await assets.peaks(asset, 10, services=services)
    assert values is not None
    assert values[:5] == pytest.approx([0.1] * 5, abs=0.01)
    assert values[5:] == pytest.approx([0.8] * 5, abs=0.01)
    for count in (1, 7, 800, MAX_PEAKS):
        again = await assets.peaks(asset, count, services=services)
        assert again is not None
        assert len(again) == count
        assert all(0 <= value <= 1 for value in again)
    assert media.calls.count("render.media.peaks:peaks") == 1
    await assets.delete(viewer, asset.id, services=services)
    assert [key async for key, _ in services.files.keys("peaks")] == []


async def test_a_single_sample(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home")
    song = write_wav(tmp_path / "song", np.full((1, 1), 0.5, np.float32), 8000)
    asset = await assets.store(viewer, song, "a.wav", services=services)
    assert asset.duration == pytest.approx(1 / 8000)
    assert await assets.peaks(asset, 3, services=services) == pytest.approx([0.5] * 3, abs=0.01)


async def test_what_has_no_waveform(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path / "home")
    image = write_image(tmp_path / "i", np.zeros((16, 16, 3), np.uint8), "png")
    asset = await assets.store(viewer, image, "i.png", services=services)
    assert await assets.peaks(asset, services=services) is None
    for count in (0, -1, MAX_PEAKS + 1):
        with pytest.raises(InvalidInput, match="count must be 1 to 10000"):
            await assets.peaks(asset, count, services=services)


@given(st.lists(st.floats(0, 1), max_size=50), st.integers(1, 120))
def test_reducing_loses_no_peak(values: list[float], count: int) -> None:
    row = reduced(values, count)
    assert len(row) == count
    assert max(row, default=0) == max(values, default=0)
    assert set(row) <= {*values, 0.0}
