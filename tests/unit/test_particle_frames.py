"""Frames and their addresses: checked before anything is drawn, and a song is listened to once."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from db.assets import Asset
from domain import assets, particles
from domain.errors import InvalidInput, TimedOut
from domain.particles import ParticleConfig, ParticleSystem, ParticleType, Scene
from domain.particles.features import ready_features
from domain.particles.frames import packed
from domain.ports import Services
from render.errors import DamagedMedia
from render.particles.config import to_json
from tests.support.local_services import local_services


@dataclass
class Listener:
    """Listens for as long as the test wants."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    failing: Exception | None = None

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any:
        self.calls += 1
        await self.may_end.wait()
        if self.failing is not None:
            raise self.failing
        Path(args[1]).write_bytes(b"features")


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def services(tmp_path: Path, listener: Listener) -> Services:
    return local_services(tmp_path, media=listener)


@pytest.fixture
async def song(services: Services) -> Asset:
    content = uuid4().hex * 2
    path = services.scratch / content
    path.write_bytes(b"bytes of a song")
    await services.files.put(assets.upload_key(content), path)
    path.unlink()
    return Asset(id=uuid4(), kind="AUDIO", filename="a.wav", sha256=content, key=assets.upload_key(content))


async def test_who_waits_too_long_is_told_and_the_work_is_kept(
    services: Services, listener: Listener, song: Asset
) -> None:
    waiting = [ready_features(song, services=services, patience=0.05) for _ in range(3)]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(answer, TimedOut) for answer in answers)
    assert not await services.files.exists(assets.features_key(song.sha256))
    listener.may_end.set()
    key = await ready_features(song, services=services, patience=5)
    assert (key, listener.calls) == (assets.features_key(song.sha256), 1)
    assert await services.files.exists(key)
    assert await ready_features(song, services=services) == key
    assert listener.calls == 1
    assert [path for path in services.scratch.rglob("*") if path.is_file()] == []


async def test_a_song_that_cannot_be_heard_is_refused_and_tried_again(
    services: Services, listener: Listener, song: Asset
) -> None:
    listener.failing = DamagedMedia("The WAV file is cut off or damaged.")
    listener.may_end.set()
    for _ in range(2):
        with pytest.raises(InvalidInput, match="cut off or damaged"):
            await ready_features(song, services=services)
    assert listener.calls == 2


def system(**values: Any) -> ParticleSystem:
    config = to_json(ParticleConfig(duration=4.0))
    return ParticleSystem(id=uuid4(), particle_type="SNOW", config=config, version=7, **values)


async def test_the_address_of_a_frame_changes_with_its_system(services: Services) -> None:
    row = system()
    address = urlsplit(particles.frame_url(row, None, 1.5, None, services=services))
    assert address.path == f"/frames/particle-systems/{row.id}.png"
    assert parse_qs(address.query) == {"time": ["1.5"], "width": ["640"], "v": ["7"]}


@pytest.mark.parametrize("time", [-0.1, 4.1, math.nan, math.inf])
async def test_a_time_outside_the_film_has_no_frame(services: Services, time: float) -> None:
    with pytest.raises(InvalidInput, match="time must be 0 to 4 s"):
        particles.frame_url(system(), None, time, 640, services=services)
    with pytest.raises(InvalidInput, match="time must be 0 to 4 s"):
        scene = Scene(ParticleType.SNOW, ParticleConfig(duration=4.0))
        await particles.frame(scene, time, 640, services=services)


@pytest.mark.parametrize("width", [0, 15, 1921, -640])
async def test_a_frame_has_a_limited_width(services: Services, width: int) -> None:
    with pytest.raises(InvalidInput, match=f"width must be 16 to 1920, got {width}"):
        particles.frame_url(system(), None, 0.0, width, services=services)


@pytest.mark.parametrize("patch", [{}, {"fps": 24, "particle_colors": [[1, 2, 3]]}, {"name": "ü"}])
def test_a_config_travels_in_an_address(patch: dict[str, Any]) -> None:
    text = packed(patch)
    assert text.isascii()
    assert particles.unpacked(text) == patch


@pytest.mark.parametrize("text", ["", "%%%", "e", "bnVsbA", "W10", "\ud800", "ü"])
def test_what_is_no_packed_config_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="base64url of a JSON object"):
        particles.unpacked(text)
