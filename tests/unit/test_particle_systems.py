"""Particle systems as use cases, over a real database: limits, merging under concurrency, songs, watching."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db import sql
from db.assets import Asset
from domain import assets, particles
from domain.accounts import Viewer, local_owner
from domain.assets import NewAsset
from domain.errors import InvalidInput, NotFound, RateLimited
from domain.pages import Key
from domain.particles import Changes, ParticleType
from domain.ports import Limits, Services
from tests.support.local_services import Nudges, local_services

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


async def song(viewer: Viewer, kind: str = "AUDIO", channels: int | None = 2) -> Asset:
    content = uuid4().hex * 2
    new = NewAsset(kind, "a.wav", "audio/wav", 10, content, f"assets/{content}", 3.0, channels=channels)
    return await assets.record(viewer.id, new)


async def test_a_system_is_made_with_a_whole_config_and_a_name(viewer: Viewer, services: Services) -> None:
    made = await particles.create(viewer, ParticleType.ZEN, config={"fps": 24}, services=services)
    found = await particles.get(viewer, made.id)
    assert (found.name, found.particle_type, found.version) == ("Zen Particles", "ZEN", 1)
    assert particles.config_of(found) == particles.merged_config(particles.ParticleConfig(), {"fps": 24})


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "a\nb", "\ud800"])
async def test_a_name_has_limits(viewer: Viewer, services: Services, name: str) -> None:
    with pytest.raises(InvalidInput, match="name must be"):
        await particles.create(viewer, ParticleType.ZEN, name=name, services=services)
    assert await particles.every(viewer) == []


async def test_an_update_sets_what_it_says_and_null_clears(viewer: Viewer, services: Services) -> None:
    audio = await song(viewer)
    made = await particles.create(
        viewer, ParticleType.SNOW, name="mine", config={"fps": 24}, audio_id=audio.id, services=services
    )
    changes: Changes = {"particle_type": ParticleType.ZEN, "config": {"width": 640}}
    changed = await particles.update(viewer, made.id, changes, services=services)
    assert (changed.name, changed.particle_type, changed.audio_id) == ("mine", "ZEN", audio.id)
    assert (changed.config["fps"], changed.config["width"]) == (24, 640)
    cleared = await particles.update(
        viewer, made.id, {"name": None, "config": None, "audio_id": None}, services=services
    )
    assert (cleared.name, cleared.audio_id) == ("Zen Particles", None)
    assert particles.config_of(cleared) == particles.ParticleConfig()


async def test_a_change_that_changes_nothing_is_no_new_version(viewer: Viewer, services: Services) -> None:
    made = await particles.create(viewer, ParticleType.SNOW, services=services)
    same = await particles.update(viewer, made.id, {"config": {"fps": 30}}, services=services)
    assert same.version == 1
    changed = await particles.update(viewer, made.id, {"config": {"fps": 31}}, services=services)
    assert changed.version == 2
    assert changed.updated_at > made.updated_at


async def test_patches_at_the_same_time_all_stay(viewer: Viewer, services: Services) -> None:
    made = await particles.create(viewer, ParticleType.SNOW, services=services)
    patches: list[dict[str, Any]] = [{"fps": 24}, {"glow": 0.1}, {"enhanced_mode": {"factor": 5}}]
    patches += [{"enhanced_mode": {"threshold": 0.9}}, {"seed": 9}, {"width": 640}]
    await asyncio.gather(
        *(particles.update(viewer, made.id, {"config": patch}, services=services) for patch in patches)
    )
    found = await particles.get(viewer, made.id)
    expected = particles.ParticleConfig()
    for patch in patches:
        expected = particles.merged_config(expected, patch)
    assert particles.config_of(found) == expected
    assert found.version == 1 + len(patches)


async def test_no_more_systems_than_allowed_however_many_ask_at_once(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path, limits=Limits(max_systems_per_owner=3))
    answers = await asyncio.gather(
        *(particles.create(viewer, ParticleType.SNOW, services=services) for _ in range(8)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, RateLimited)]
    assert len(refused) == 5
    assert "at most 3 particle systems" in refused[0].message
    assert len(await particles.every(viewer)) == 3


async def test_audio_must_be_there_and_sound(viewer: Viewer, services: Services) -> None:
    picture, mute = await song(viewer, "IMAGE", None), await song(viewer, "VIDEO", None)
    film = await song(viewer, "VIDEO", 2)
    for silent in (picture, mute):
        with pytest.raises(InvalidInput, match="audio_id: there is no audio in"):
            await particles.create(viewer, ParticleType.SNOW, audio_id=silent.id, services=services)
    with pytest.raises(NotFound, match="Audio file not found"):
        await particles.create(viewer, ParticleType.SNOW, audio_id=uuid4(), services=services)
    made = await particles.create(viewer, ParticleType.SNOW, audio_id=film.id, services=services)
    assert await particles.song_of(viewer, made) == film


async def test_a_deleted_song_leaves_the_system_without_one(viewer: Viewer, services: Services) -> None:
    audio = await song(viewer)
    made = await particles.create(viewer, ParticleType.SNOW, audio_id=audio.id, services=services)
    await assets.delete(viewer, audio.id, services=services)
    found = await particles.get(viewer, made.id)
    assert (found.audio_id, found.version) == (None, 2)
    with pytest.raises(NotFound):
        await particles.update(viewer, made.id, {"audio_id": audio.id}, services=services)


async def test_pages_are_newest_first_and_shift_by_nothing(viewer: Viewer, services: Services) -> None:
    made = [await particles.create(viewer, ParticleType.SNOW, services=services) for _ in range(5)]
    ids = [system.id for system in reversed(made)]
    first = await particles.page(viewer, 2)
    assert [row.id for row in first.rows] == ids[:2]
    assert (first.has_next, first.has_previous, first.total) == (True, False, 5)
    after = Key(first.rows[-1].created_at, first.rows[-1].id).encode()
    await particles.create(viewer, ParticleType.ZEN, services=services)
    second = await particles.page(viewer, 3, after)
    assert [row.id for row in second.rows] == ids[2:]
    assert (second.has_next, second.has_previous, second.total) == (False, True, 6)
    with pytest.raises(InvalidInput, match="after is not a cursor"):
        await particles.page(viewer, 2, "nonsense")


async def test_another_owner_sees_nothing(viewer: Viewer, services: Services) -> None:
    made = await particles.create(viewer, ParticleType.SNOW, services=services)
    stranger = Viewer(uuid4(), "stranger", viewer.role, viewer.created_at)
    assert await particles.every(stranger) == []
    with pytest.raises(NotFound):
        await particles.get(stranger, made.id)
    with pytest.raises(NotFound):
        await particles.update(stranger, made.id, {"config": {}}, services=services)
    with pytest.raises(NotFound):
        await particles.delete(stranger, made.id, services=services)
    with pytest.raises(NotFound):
        await particles.render(stranger, made.id, services=services)


@dataclass
class Bells(Nudges):
    """Nudges that wake who waits, at once."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def nudge(self, *topics: str) -> None:
        self.changed.set()

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[_Ear]:  # type: ignore[override]
        yield _Ear(self.changed)


@dataclass
class _Ear:
    changed: asyncio.Event

    async def wait(self, timeout_seconds: float) -> bool:
        await self.changed.wait()
        self.changed.clear()
        return True


async def test_a_watcher_sees_the_system_each_change_and_the_end(viewer: Viewer, tmp_path: Path) -> None:
    services = local_services(tmp_path, events=Bells())
    made = await particles.create(viewer, ParticleType.SNOW, services=services)
    seen = []
    async with asyncio.timeout(10):
        async for row in particles.watch(viewer, made.id, services=services):
            seen.append((row.version, row.particle_type))
            if row.version == 1:
                changes: Changes = {"particle_type": ParticleType.ZEN}
                await particles.update(viewer, made.id, changes, services=services)
            else:
                await particles.delete(viewer, made.id, services=services)
    assert seen == [(1, "SNOW"), (2, "ZEN")]
    with pytest.raises(NotFound):
        await anext(particles.watch(viewer, made.id, services=services))


async def test_a_database_that_is_set_back_under_a_watcher_shows_him_how_it_is(
    viewer: Viewer, tmp_path: Path
) -> None:
    services = local_services(tmp_path, events=Bells())
    made = await particles.create(viewer, ParticleType.SNOW, services=services)
    for kind in (ParticleType.ZEN, ParticleType.SNOW):
        await particles.update(viewer, made.id, {"particle_type": kind}, services=services)
    seen = []
    async with asyncio.timeout(10):
        async for row in particles.watch(viewer, made.id, services=services):
            seen.append((row.version, row.particle_type))
            if row.version == 3:
                await sql.run("UPDATE particle_systems SET version = 2, particle_type = 'ZEN'")
                await services.events.nudge(f"particles:{made.id}")
            else:
                await particles.delete(viewer, made.id, services=services)
    assert seen == [(3, "SNOW"), (2, "ZEN")]
