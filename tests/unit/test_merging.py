"""Merging, reverting and comparing over a real database: by stem, with conflicts, and back from forks."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from db.assets import Asset
from db.branches import Branch
from db.commits import Commit
from db.repositories import Repository
from domain import commits, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import (
    Merge,
    MergeResult,
    MergeSide,
    MergeStatus,
    NewCommit,
    StemChange,
    StemOf,
    StemType,
    making,
)
from domain.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited
from domain.ports import Services
from tests.support.local_services import local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else, stems_of

pytestmark = pytest.mark.usefixtures("database")
Files = dict[str, Asset]


@dataclass
class World:
    """A repository whose first commit has drums and bass, with a branch `ideas` there, and more sounds."""

    viewer: Viewer
    services: Services
    repository: Repository
    sounds: list[Asset]

    async def commit(self, stems: Files, branch: str = "main", **given: Any) -> Commit:
        return await a_commit(self.viewer, self.repository, self.services, stems, branch=branch, **given)

    async def merge(self, source: str = "ideas", target: str = "main", **given: Any) -> MergeResult:
        asked = Merge(self.repository.id, source, target, **given)
        return await commits.merge(self.viewer, asked, services=self.services)

    async def head(self, name: str = "main") -> int:
        return int((await Branch.get(repository_id=self.repository.id, name=name)).head)


@pytest.fixture
async def world(database: None, tmp_path: Path) -> World:
    viewer, services = await local_owner(), local_services(tmp_path)
    made = World(viewer, services, await a_repository(viewer), await some_sounds(viewer, 6))
    drums, bass, *_ = made.sounds
    await made.commit({"DRUMS": drums, "BASS": bass}, bpm=120, key_signature="A minor")
    await repositories.create_branch(viewer, made.repository.id, "ideas")
    return made


def file_of(one: StemOf | None) -> Any:
    return None if one is None else one.stem.asset_id


async def test_each_side_brings_what_it_alone_has_changed(world: World) -> None:
    drums, bass, drums2, bass2, vocals, _ = world.sounds
    ours = await world.commit({"DRUMS": drums2, "BASS": bass}, bpm=125, key_signature="A minor")
    theirs = await world.commit(
        {"DRUMS": drums, "BASS": bass2, "VOCALS": vocals}, "ideas", bpm=120, key_signature="C major"
    )
    planned = await world.merge(dry_run=True)
    assert (planned.status, planned.commit, await world.head()) == (MergeStatus.MERGED, None, ours.number)
    result = await world.merge()
    made = result.commit
    assert made is not None
    assert (result.status, made.parent, made.merged) == (MergeStatus.MERGED, ours.number, theirs.number)
    assert await stems_of(made) == {"DRUMS": drums2.id, "BASS": bass2.id, "VOCALS": vocals.id}
    assert (made.bpm, made.key_signature, made.message) == (125, "C major", "Merge ideas into main")
    assert made.blame == {"DRUMS": ours.number, "BASS": theirs.number, "VOCALS": theirs.number}
    assert (made.reach, await world.head()) == (4, made.number)
    assert (await world.merge()).status is MergeStatus.UP_TO_DATE
    forward = await world.merge("main", "ideas", dry_run=True)
    assert (forward.status, forward.commit, await world.head("ideas")) == (
        MergeStatus.FAST_FORWARD,
        None,
        theirs.number,
    )
    forward = await world.merge("main", "ideas")
    assert (forward.status, forward.commit) == (MergeStatus.FAST_FORWARD, made)
    assert await world.head("ideas") == made.number


async def test_what_both_changed_is_a_conflict_until_somebody_settles_it(world: World) -> None:
    drums, bass, drums2, drums3, bass2, _ = world.sounds
    ours = await world.commit({"DRUMS": drums2}, bpm=120)
    theirs = await world.commit({"DRUMS": drums3, "BASS": bass2}, "ideas")
    result = await world.merge(dry_run=True)
    assert result == await world.merge()
    assert (result.status, result.commit) == (MergeStatus.CONFLICT, None)
    sides = [
        (one.type, file_of(one.base), file_of(one.ours), file_of(one.theirs)) for one in result.conflicts
    ]
    assert sides == [
        (StemType.DRUMS, drums.id, drums2.id, drums3.id),
        (StemType.BASS, bass.id, None, bass2.id),
    ]
    assert result.conflicts[0].theirs is not None
    assert result.conflicts[0].theirs.changed_in == (world.repository.id, theirs.number)
    assert await world.head() == ours.number
    half = await world.merge(resolutions=[(StemType.DRUMS, MergeSide.THEIRS)])
    assert [one.type for one in half.conflicts] == [StemType.BASS]
    whole = await world.merge(
        resolutions=[(StemType.DRUMS, MergeSide.THEIRS), (StemType.BASS, MergeSide.OURS)], message="mine"
    )
    assert whole.commit is not None
    assert (whole.status, whole.commit.message) == (MergeStatus.MERGED, "mine")
    assert await stems_of(whole.commit) == {"DRUMS": drums3.id}
    assert whole.commit.blame == {"DRUMS": theirs.number}


async def test_the_same_change_on_both_sides_is_no_conflict(world: World) -> None:
    _, bass, drums2, *_ = world.sounds
    ours = await world.commit({"DRUMS": drums2, "BASS": bass})
    await world.commit({"DRUMS": drums2}, "ideas")
    result = await world.merge()
    assert result.commit is not None
    assert await stems_of(result.commit) == {"DRUMS": drums2.id}
    assert result.commit.blame == {"DRUMS": ours.number}


async def test_resolutions_that_cannot_be(world: World) -> None:
    twice = [(StemType.DRUMS, MergeSide.OURS), (StemType.DRUMS, MergeSide.THEIRS)]
    with pytest.raises(InvalidInput, match="DRUMS is twice"):
        await world.merge(resolutions=twice)
    with pytest.raises(InvalidInput, match="message"):
        await world.merge(message=" ")
    for field, given in (("source", {"source": "none"}), ("target", {"target": "a/b"})):
        with pytest.raises(NotFound) as missing:
            await world.merge(**given)
        assert missing.value.field == field


async def test_a_branch_with_itself_is_up_to_date(world: World) -> None:
    result = await world.merge("main", "main")
    assert (result.status, result.commit is not None) == (MergeStatus.UP_TO_DATE, True)


async def test_unrelated_histories_are_refused(world: World) -> None:
    other = await a_repository(world.viewer, "other")
    await a_commit(world.viewer, other, world.services)
    with pytest.raises(InvalidInput, match="no commit in common") as refused:
        await world.merge("main", source_repository_id=other.id)
    assert refused.value.field == "source"


async def fork_of(world: World, viewer: Viewer) -> World:
    fork = await repositories.fork(viewer, world.repository.id, "remix")
    return World(viewer, world.services, fork, world.sounds)


async def test_a_fork_is_merged_back_again_and_again(world: World) -> None:
    _, bass, drums2, bass2, vocals, melody = world.sounds
    fork = await fork_of(world, world.viewer)
    await fork.commit({"DRUMS": drums2, "BASS": bass})
    theirs = await fork.commit({"DRUMS": drums2, "BASS": bass, "VOCALS": vocals})
    count = await Commit.filter(repository_id=world.repository.id).count()
    forward = await world.merge("main", source_repository_id=fork.repository.id)
    assert forward.status is MergeStatus.FAST_FORWARD
    assert forward.commit is not None
    assert (forward.commit.repository_id, forward.commit.origin_id) == (world.repository.id, theirs.id)
    assert forward.commit.id != theirs.id
    assert await Commit.filter(repository_id=world.repository.id).count() == count + 2
    assert forward.commit.blame == {"DRUMS": 2, "BASS": 1, "VOCALS": 3}

    ours = await world.commit({"DRUMS": drums2, "BASS": bass2, "VOCALS": vocals})
    later = await fork.commit({"DRUMS": drums2, "BASS": bass, "VOCALS": vocals, "MELODY": melody})
    planned = await world.merge("main", source_repository_id=fork.repository.id, dry_run=True)
    assert (planned.status, await world.head()) == (MergeStatus.MERGED, ours.number)
    assert await Commit.filter(repository_id=world.repository.id).count() == count + 3
    merged = (await world.merge("main", source_repository_id=fork.repository.id)).commit
    assert merged is not None
    assert await stems_of(merged) == {
        "DRUMS": drums2.id,
        "BASS": bass2.id,
        "VOCALS": vocals.id,
        "MELODY": melody.id,
    }
    (copy,) = await Commit.filter(repository_id=world.repository.id, origin_id=later.id)
    assert (merged.parent, merged.merged) == (ours.number, copy.number)
    assert merged.blame == {"DRUMS": 2, "BASS": ours.number, "VOCALS": 3, "MELODY": copy.number}
    assert merged.reach == await Commit.filter(repository_id=world.repository.id).count() == 6
    again = await world.merge("main", source_repository_id=fork.repository.id)
    assert again.status is MergeStatus.UP_TO_DATE
    back = await fork.merge("main", source_repository_id=world.repository.id)
    assert back.status is MergeStatus.FAST_FORWARD
    assert back.commit is not None
    assert (back.commit.origin_id, back.commit.reach) == (merged.origin_id, 6)
    last = await commits.diff(world.viewer, merged.id, back.commit.id)
    assert {one.change for one in last.stems} == {StemChange.UNCHANGED}


@pytest.mark.parametrize("params", [{"a": [1, None]}, "text", "7", "null", 7, [], None])
async def test_what_a_commit_was_made_with_comes_along_from_a_fork(world: World, params: Any) -> None:
    fork = await fork_of(world, world.viewer)
    await fork.commit({}, generation_params=params)
    found = (await world.merge("main", source_repository_id=fork.repository.id)).commit
    assert found is not None
    assert found.generation_params == params


async def test_a_merge_is_held_to_the_number_of_commits_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drums, bass, drums2, *_ = world.sounds
    fork = await fork_of(world, world.viewer)
    await world.commit({"DRUMS": drums2, "BASS": bass})
    await fork.commit({"DRUMS": drums})
    for limit, refusal in ((2, "at most 2"), (3, "at most 3"), (4, None)):  # one taken over, and the merge
        monkeypatch.setattr(making, "MAX_COMMITS", limit)
        with nullcontext() if refusal is None else pytest.raises(RateLimited, match=refusal):
            await world.merge("main", source_repository_id=fork.repository.id)
        count = await Commit.filter(repository_id=world.repository.id).count()
        assert count == (2 if refusal else 4)


async def test_a_fork_of_somebody_else_is_merged_if_one_may_see_it(world: World) -> None:
    await repositories.update(world.viewer, world.repository.id, {"is_public": True})
    fork = await fork_of(world, await somebody_else())
    await fork.commit({})
    result = await world.merge("main", source_repository_id=fork.repository.id)
    assert result.status is MergeStatus.FAST_FORWARD
    with pytest.raises(Forbidden):
        asked = Merge(world.repository.id, "main", "main", source_repository_id=fork.repository.id)
        await commits.merge(fork.viewer, asked, services=world.services)
    await repositories.update(fork.viewer, fork.repository.id, {"is_public": False})
    with pytest.raises(NotFound) as missing:
        await world.merge("main", source_repository_id=fork.repository.id)
    assert missing.value.field == "source_repository_id"


async def test_merges_in_both_directions_at_once_end(world: World) -> None:
    fork = await fork_of(world, world.viewer)
    drums, bass, *_ = world.sounds
    for turn in range(4):
        await world.commit({"DRUMS": drums}, message=f"ours {turn}")
        await fork.commit({"BASS": bass}, message=f"theirs {turn}")
        await asyncio.gather(
            world.merge("main", source_repository_id=fork.repository.id, resolutions=OURS),
            fork.merge("main", source_repository_id=world.repository.id, resolutions=OURS),
        )
    for one in (world, fork):
        rows = await Commit.filter(repository_id=one.repository.id)
        assert len({row.origin_id for row in rows}) == len(rows) == max(row.number for row in rows)


OURS = [(type, MergeSide.OURS) for type in StemType]


async def test_a_commit_is_taken_back_and_what_came_after_it_stays(world: World) -> None:
    drums, bass, drums2, bass2, *_ = world.sounds
    bad = await world.commit({"DRUMS": drums2, "BASS": bass}, bpm=90, message="bad idea")
    await world.commit({"DRUMS": drums2, "BASS": bass2}, bpm=90)
    made = await commits.revert(world.viewer, bad.id, "main", services=world.services)
    assert await stems_of(made) == {"DRUMS": drums.id, "BASS": bass2.id}
    assert (made.message, made.bpm, made.key_signature) == ("Revert: bad idea", 120, "A minor")
    assert (made.blame, await world.head()) == ({"DRUMS": 4, "BASS": 3}, 4)
    with pytest.raises(Conflict, match="left to take back"):
        await commits.revert(world.viewer, bad.id, "main", services=world.services)
    with pytest.raises(InvalidInput, match="does not come from"):
        await commits.revert(world.viewer, bad.id, "ideas", services=world.services)


async def test_what_later_commits_have_changed_is_not_taken_back(world: World) -> None:
    _, bass, drums2, drums3, *_ = world.sounds
    bad = await world.commit({"DRUMS": drums2, "BASS": bass})
    await world.commit({"DRUMS": drums3, "BASS": bass})
    with pytest.raises(Conflict, match="DRUMS"):
        await commits.revert(world.viewer, bad.id, "main", services=world.services)
    (root,) = await Commit.filter(repository_id=world.repository.id, number=1)
    taken = await commits.revert(world.viewer, root.id, "ideas", services=world.services)
    assert (await stems_of(taken), taken.bpm) == ({}, None)


async def test_two_commits_side_by_side(world: World) -> None:
    drums, _, drums2, vocals, *_ = world.sounds
    (base,) = await Commit.filter(repository_id=world.repository.id)
    head = await world.commit({"DRUMS": drums2, "VOCALS": vocals}, bpm=123.5, key_signature="A minor")
    side = await world.commit({"DRUMS": drums}, "ideas")
    found = await commits.diff(world.viewer, base.id, head.id)
    assert [(one.type, one.change) for one in found.stems] == [
        (StemType.DRUMS, StemChange.CHANGED),
        (StemType.BASS, StemChange.REMOVED),
        (StemType.VOCALS, StemChange.ADDED),
    ]
    assert (found.bpm_delta, found.key_changed) == (3.5, False)
    other = await commits.diff(world.viewer, head.id, side.id)
    assert (other.bpm_delta, other.key_changed) == (None, True)
    assert await commits.common(head, side) == base
    fork = await fork_of(world, world.viewer)
    elsewhere = await fork.commit({})
    assert await commits.common(elsewhere, side) == await Commit.get(
        repository_id=fork.repository.id, origin_id=base.id
    )
    stranger = await somebody_else()
    with pytest.raises(NotFound) as missing:
        await commits.diff(stranger, base.id, head.id)
    assert missing.value.field == "base_id"


async def test_a_merge_at_the_side_of_commits_loses_none(world: World) -> None:
    _, bass, drums2, *_ = world.sounds
    await world.commit({"DRUMS": drums2, "BASS": bass}, "ideas")
    work = [
        commits.create(
            world.viewer,
            NewCommit(world.repository.id, str(number), branch="main"),
            services=world.services,
        )
        for number in range(8)
    ]
    result, *made = await asyncio.gather(world.merge(), *work)
    assert isinstance(result, MergeResult)
    assert all(isinstance(row, Commit) for row in made)
    (page,) = (await commits.histories([world.repository.id], "main", first=50, after=None)).values()
    assert len(page.rows) == page.total == 8 + 2 + (result.status is MergeStatus.MERGED)
