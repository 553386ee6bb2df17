"""Conflicts that are settled by mixing, with real files: the new stem, and nothing left of what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np
import pytest

from db.assets import Asset
from db.commits import Commit
from db.repositories import Repository
from domain import assets, commits, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import Merge, MergeResult, MergeSide, MergeStatus, NewCommit, NewStem, StemType, mixing
from domain.errors import Conflict, RateLimited, TimedOut, UnsupportedMedia
from domain.ports import Services
from tests.support.local_services import MediaInThread, local_services
from tests.support.music import a_repository, stems_of
from tests.support.sounding_commits import RATE_HZ, Sound, noise
from tests.support.stem_files import decoded, wav_of

pytestmark = pytest.mark.usefixtures("database")
MIX = [(StemType.DRUMS, MergeSide.MIX)]


async def _nothing() -> None:
    return


@dataclass
class Meddling(MediaInThread):
    """Does something each time that stems were mixed."""

    meddle: Callable[[], Awaitable[None]] = _nothing

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any:
        result = await super().run(function, *args, timeout=timeout)
        if function == mixing.MIX:
            await self.meddle()
        return result


@dataclass
class World:
    viewer: Viewer
    services: Services
    media: Meddling
    repository: Repository
    folder: Path

    async def sound(self, sound: Sound) -> Asset:
        staged = self.folder / uuid4().hex
        staged.write_bytes(wav_of(sound, RATE_HZ))
        return await assets.store(self.viewer, staged, "take.wav", services=self.services)

    async def commit(self, sound: Sound | None, branch: str = "main", gain: float = 1.0) -> Commit:
        """With those drums."""
        stems = [] if sound is None else [NewStem(StemType.DRUMS, (await self.sound(sound)).id, gain)]
        new = NewCommit(self.repository.id, "a change", branch=branch, stems=stems)
        return await commits.create(self.viewer, new, services=self.services)

    async def merge(self, **given: Any) -> MergeResult:
        asked = Merge(self.repository.id, "ideas", "main", resolutions=given.pop("resolutions", MIX), **given)
        return await commits.merge(self.viewer, asked, services=self.services)

    async def left(self) -> tuple[set[str], list[Path], int]:
        """What is stored, what is staged, and how many assets there are."""
        stored = {key async for key, _ in self.services.files.keys("assets")}
        return stored, list(self.services.scratch.rglob("*.flac")), await Asset.all().count()


@pytest.fixture
async def world(database: None, tmp_path: Path) -> World:
    """With a repository whose drums both branches have changed."""
    viewer, media = await local_owner(), Meddling()
    services = local_services(tmp_path, media=media)
    made = World(viewer, services, media, await a_repository(viewer), tmp_path)
    await made.commit(noise(1))
    await repositories.create_branch(viewer, made.repository.id, "ideas")
    return made


async def heard(world: World, commit: Commit) -> tuple[Sound, float]:
    """The drums of a commit as they are stored, and their gain."""
    stem = (await commits.stems_of(commit))["DRUMS"]
    file = (await commits.files([stem.asset_id]))[stem.asset_id]
    async with world.services.files.local(file.key) as path:
        return decoded(path), stem.gain


async def test_both_are_half_as_loud_at_their_gains_and_the_stem_is_new(world: World) -> None:
    ours, theirs = noise(2, 1.0), noise(3, 0.5)
    await world.commit(ours, gain=0.5)
    await world.commit(theirs, "ideas", gain=1.5)
    result = await world.merge()
    made = result.commit
    assert made is not None
    assert (result.status, made.blame) == (MergeStatus.MERGED, {"DRUMS": made.number})
    sound, gain = await heard(world, made)
    wanted = 0.25 * ours
    wanted[: len(theirs)] += 0.75 * theirs
    assert (np.abs(sound - wanted).max() < 1e-6, gain) == (True, 1.0)
    (file,) = await Asset.filter(id__in=(await stems_of(made)).values())
    assert (file.filename, file.owner_id, file.content_type) == (
        "take-2 mixed.flac",
        world.viewer.id,
        "audio/flac",
    )
    assert (file.duration, file.sample_rate, file.channels) == (1.0, RATE_HZ, 2)
    stored, staged, _ = await world.left()
    assert (file.key in stored, staged) == (True, [])
    assert (await world.merge()).status is MergeStatus.UP_TO_DATE


async def test_a_mix_beyond_full_scale_keeps_its_level_by_its_gain(world: World) -> None:
    loud = noise(4, top=0.9)
    await world.commit(loud, gain=4.0)
    await world.commit(loud, "ideas", gain=3.0)
    made = (await world.merge()).commit
    assert made is not None
    sound, gain = await heard(world, made)
    assert gain == pytest.approx(3.5 * np.abs(loud).max(), abs=1e-3)
    assert np.abs(sound * gain - 3.5 * loud).max() < 1e-3


async def test_what_one_side_has_removed_is_the_others(world: World) -> None:
    await world.commit(None)
    theirs = await world.commit(noise(5), "ideas")
    made = (await world.merge()).commit
    assert made is not None
    assert await stems_of(made) == await stems_of(theirs)
    assert mixing.MIX not in world.media.calls


async def test_a_dry_run_makes_nothing(world: World) -> None:
    await world.commit(noise(6))
    await world.commit(noise(7), "ideas")
    before = await world.left()
    result = await world.merge(dry_run=True)
    assert (result.status, result.commit) == (MergeStatus.MERGED, None)
    assert await world.left() == before
    assert mixing.MIX not in world.media.calls


async def refused(world: World, error: type[Exception], field: str | None) -> None:
    before = await world.left()
    with pytest.raises(error) as refusal:
        await world.merge()
    assert getattr(refusal.value, "field", None) == field
    assert await world.left() == before
    assert await Commit.filter(merged__not_isnull=True).count() == 0


async def test_nothing_is_left_of_a_merge_that_fails_after_the_mix(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.commit(noise(8))
    await world.commit(noise(9), "ideas")
    monkeypatch.setattr("domain.commits.making.MAX_COMMITS", 3)
    await refused(world, RateLimited, None)


async def test_a_mix_that_takes_too_long_says_so(world: World) -> None:
    async def late() -> None:
        raise TimedOut("It took longer than 10 s")

    await world.commit(noise(10))
    await world.commit(noise(11), "ideas")
    world.media.meddle = late
    await refused(world, TimedOut, "take")
    assert len(world.media.calls) > 0


async def test_a_stem_that_cannot_be_decoded_is_named(world: World) -> None:
    await world.commit(noise(12))
    theirs = await world.commit(noise(13), "ideas")
    (file,) = await Asset.filter(id__in=(await stems_of(theirs)).values())
    async with world.services.files.local(file.key) as path:
        path.chmod(0o600)
        path.write_bytes(b"RIFF")
    await refused(world, UnsupportedMedia, "take")


def moving(world: World, times: int) -> Callable[[], Awaitable[None]]:
    """Commits other drums to main, that many times."""
    left = [noise(20 + number) for number in range(times)]

    async def move() -> None:
        if left:
            await world.commit(left.pop())

    return move


async def test_a_branch_that_moves_meanwhile_is_mixed_anew(world: World) -> None:
    await world.commit(noise(14))
    theirs = noise(15)
    await world.commit(theirs, "ideas")
    world.media.meddle = moving(world, 1)
    made = (await world.merge()).commit
    assert made is not None
    sound, _ = await heard(world, made)
    assert np.abs(sound - 0.5 * noise(20) - 0.5 * theirs).max() < 1e-6
    stored, staged, _ = await world.left()
    assert len(stored) == len({file.key for file in await Asset.all()})
    assert staged == []


async def test_a_merge_that_is_there_is_no_error_though_what_it_left_cannot_be_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(key: str) -> None:
        raise OSError(f"{key} is busy")

    await world.commit(noise(14))
    await world.commit(noise(15), "ideas")
    world.media.meddle = moving(world, 1)
    with monkeypatch.context() as patched:
        patched.setattr(world.services.files, "delete", fails)
        result = await world.merge()
    assert result.status is MergeStatus.MERGED
    stored, staged, _ = await world.left()
    assert (len(stored - {file.key for file in await Asset.all()}), staged) == (1, [])
    assert (await world.merge()).status is MergeStatus.UP_TO_DATE


async def test_nobody_waits_for_the_storage_of_a_mix_though_it_was_collected_meanwhile(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = world.services.files
    exists, put, asked = files.exists, files.put, []

    async def is_free(what: str) -> None:
        asked.append(what)
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("SELECT id FROM repositories FOR UPDATE NOWAIT")
        finally:
            await connection.close()

    async def free_exists(key: str) -> bool:
        await is_free("exists")
        return await exists(key)

    async def lost_put(key: str, path: Path) -> None:
        await is_free("put")
        await put(key, path)
        if asked == ["put"]:
            await files.delete(key)

    await world.commit(noise(14))
    await world.commit(noise(15), "ideas")
    monkeypatch.setattr(files, "exists", free_exists)
    monkeypatch.setattr(files, "put", lost_put)
    made = (await world.merge()).commit
    assert asked == ["put", "exists", "put"]
    assert made is not None
    sound, _ = await heard(world, made)
    assert np.abs(sound - 0.5 * (noise(14) + noise(15))).max() < 1e-6


async def test_a_branch_that_never_rests_is_a_conflict(world: World) -> None:
    await world.commit(noise(16))
    await world.commit(noise(17), "ideas")
    world.media.meddle = moving(world, 9)
    with pytest.raises(Conflict) as refusal:
        await world.merge()
    assert refusal.value.field == "target"
    assert world.media.calls.count(mixing.MIX) == 2  # of three tries, before the second and the third
    stored, staged, _ = await world.left()
    assert (stored, staged) == ({file.key for file in await Asset.all()}, [])


async def test_two_merges_at_once_make_one_commit(world: World) -> None:
    await world.commit(noise(18))
    await world.commit(noise(19), "ideas")
    results = await asyncio.gather(*(world.merge() for _ in range(3)))
    statuses = sorted(result.status.value for result in results)
    assert statuses == ["MERGED", "UP_TO_DATE", "UP_TO_DATE"]
    assert len({result.commit.id for result in results if result.commit is not None}) == 1
    stored, staged, _ = await world.left()
    assert (stored, staged) == ({file.key for file in await Asset.all()}, [])


async def test_the_same_merge_in_a_fork_stores_the_mix_once(world: World) -> None:
    await world.commit(noise(50))
    await world.commit(noise(51), "ideas")
    fork = await repositories.fork(world.viewer, world.repository.id, "fork")
    first = (await world.merge()).commit
    again = Merge(fork.id, "ideas", "main", resolutions=MIX)
    second = (await commits.merge(world.viewer, again, services=world.services)).commit
    assert first is not None
    assert second is not None
    assert first.stem_set_id == second.stem_set_id
    assert await Asset.filter(filename__contains="mixed").count() == 1
