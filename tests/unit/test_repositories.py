"""Repositories over a real database: names and rights, branches and tags, forks, followers, and files that
stay as long as a commit has them."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db import sql
from db.assets import Asset
from db.branches import Branch, CommitTag
from db.commits import Commit
from db.repositories import Repository
from db.stems import Stem, StemSet, StemSetPart
from domain import assets, commits, jobs, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import making
from domain.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited
from domain.ports import Services
from domain.repositories import BranchChanges, changing
from domain.repositories import branches as branch_rules
from domain.repositories import tags as tag_rules
from domain.watching import Version
from tests.support.local_services import local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else, stems_of
from tests.support.rows import a_job, an_asset, an_output

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\x00", "\ud800"])
async def test_a_name_has_limits(viewer: Viewer, name: str) -> None:
    with pytest.raises(InvalidInput, match="name must be"):
        await repositories.create(viewer, name)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("description", {"description": "x" * 2_001}),
        ("description", {"description": "\x00"}),
        ("genre", {"genre": "x" * 51}),
    ],
)
async def test_texts_have_limits(viewer: Viewer, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await repositories.create(viewer, "song", **given)
    assert refused.value.field == field


async def test_an_owner_has_a_name_once_and_another_owner_too(viewer: Viewer) -> None:
    outcomes = await asyncio.gather(*(a_repository(viewer) for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(one, Repository) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 5
    await a_repository(await somebody_else())
    other = await a_repository(viewer, "other")
    with pytest.raises(Conflict):
        await repositories.update(viewer, other.id, {"name": "song"})
    assert (await repositories.update(viewer, other.id, {"name": "other"})).name == "other"


async def test_an_update_sets_what_it_says_and_null_clears(viewer: Viewer) -> None:
    made = await a_repository(viewer, description="long", genre="house", is_public=True)
    same = await repositories.update(viewer, made.id, {"name": "new"})
    assert (same.name, same.description, same.genre, same.is_public) == ("new", "long", "house", True)
    cleared = await repositories.update(
        viewer, made.id, {"description": None, "genre": None, "is_public": None}
    )
    assert (cleared.description, cleared.genre, cleared.is_public) == ("", "", False)
    with pytest.raises(InvalidInput):
        await repositories.update(viewer, made.id, {"name": None})


async def test_only_the_owner_changes_and_lists_show_what_one_may_see(viewer: Viewer) -> None:
    stranger = await somebody_else()
    private, public = (
        await a_repository(viewer, "private"),
        await a_repository(viewer, "open", is_public=True),
    )
    with pytest.raises(Forbidden):
        await repositories.update(stranger, public.id, {"name": "mine"})
    with pytest.raises(NotFound):
        await repositories.update(stranger, private.id, {"name": "mine"})
    theirs = await a_repository(stranger, "theirs", description="100%_sure")

    async def names(who: Viewer, **given: Any) -> list[str]:
        page = await repositories.page(who, **given)
        assert page.total == len(page.rows)
        return [row.name for row in page.rows]

    assert await names(viewer) == ["open", "private"]
    assert await names(stranger) == ["theirs", "open"]
    assert await names(stranger, mine=True) == ["theirs"]
    assert await names(stranger, search="OP") == ["open"]
    assert await names(stranger, search="0%_s") == ["theirs"]
    assert await names(stranger, search="%") == ["theirs"]
    assert await repositories.by_ids(stranger, [private.id, public.id, theirs.id]) == {
        public.id: public,
        theirs.id: theirs,
    }


@pytest.mark.parametrize(
    "name", ["", "two words", "a/b", "a\\b", ".hidden", "-x", "_x", "x" * 101, "a\x00b", "\ud800"]
)
async def test_what_no_branch_and_no_tag_is_called(viewer: Viewer, services: Services, name: str) -> None:
    repository = await a_repository(viewer)
    commit = await a_commit(viewer, repository, services)
    with pytest.raises(InvalidInput) as refused:
        await repositories.create_branch(viewer, repository.id, name)
    assert refused.value.field == "name"
    with pytest.raises(InvalidInput):
        await repositories.create_tag(viewer, repository.id, name, commit.id)
    with pytest.raises(InvalidInput) as refused:
        await repositories.update_branch(viewer, repository.id, "main", BranchChanges(name=name))
    assert refused.value.field == "new_name"
    for missing in (
        repositories.delete_branch(viewer, repository.id, name),
        repositories.delete_tag(viewer, repository.id, name),
    ):
        with pytest.raises(NotFound):
            await missing


async def test_the_default_branch_and_protected_ones_stay(viewer: Viewer, services: Services) -> None:
    repository = await a_repository(viewer)
    with pytest.raises(Conflict, match="no commit yet"):
        await repositories.create_branch(viewer, repository.id, "ideas")
    await a_commit(viewer, repository, services)
    await repositories.create_branch(viewer, repository.id, "ideas")
    with pytest.raises(Conflict, match="already"):
        await repositories.create_branch(viewer, repository.id, "ideas")

    async def change(branch: str, **given: Any) -> Branch:
        return await repositories.update_branch(viewer, repository.id, branch, BranchChanges(**given))

    with pytest.raises(Conflict, match="default"):
        await repositories.delete_branch(viewer, repository.id, "main")
    assert (await change("ideas", is_protected=True)).is_protected
    with pytest.raises(Conflict, match="protected"):
        await repositories.delete_branch(viewer, repository.id, "ideas")
    with pytest.raises(Conflict, match="protected"):
        await change("ideas", name="thoughts")
    with pytest.raises(InvalidInput, match="is_default"):
        await change("main", is_default=False)
    with pytest.raises(Conflict, match="already"):
        await change("main", name="ideas")
    moved = await change("ideas", is_default=True, is_protected=False, name="thoughts")
    assert (moved.name, moved.is_default, moved.is_protected) == ("thoughts", True, False)
    (found,) = (await repositories.branches_of([repository.id])).values()
    assert [(one.name, one.is_default) for one in found] == [("thoughts", True), ("main", False)]
    await repositories.delete_branch(viewer, repository.id, "main")
    assert await Branch.filter(repository_id=repository.id).count() == 1
    assert await Commit.filter(repository_id=repository.id).count() == 1


async def test_tags_stay_where_they_are(viewer: Viewer, services: Services) -> None:
    repository, other = await a_repository(viewer), await a_repository(viewer, "other")
    first = await a_commit(viewer, repository, services)
    foreign = await a_commit(viewer, other, services)
    tag = await repositories.create_tag(viewer, repository.id, "v1.0", first.id, "released")
    await a_commit(viewer, repository, services)
    assert (tag.number, tag.message) == (1, "released")
    with pytest.raises(Conflict):
        await repositories.create_tag(viewer, repository.id, "v1.0", first.id)
    with pytest.raises(InvalidInput):
        await repositories.create_tag(viewer, repository.id, "v2", foreign.id)
    with pytest.raises(NotFound):
        await repositories.create_tag(viewer, repository.id, "v2", uuid4())
    await repositories.delete_tag(viewer, repository.id, "v1.0")
    with pytest.raises(NotFound):
        await repositories.delete_tag(viewer, repository.id, "v1.0")


async def test_how_many_of_each_there_may_be(
    viewer: Viewer, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branch_rules, "MAX_BRANCHES", 2)
    monkeypatch.setattr(tag_rules, "MAX_TAGS", 1)
    monkeypatch.setattr(making, "MAX_COMMITS", 2)
    monkeypatch.setattr(changing, "MAX_REPOSITORIES", 2)
    repository = await a_repository(viewer)
    commit = await a_commit(viewer, repository, services)
    for name in ("one", "two"):
        with nullcontext() if name == "one" else pytest.raises(RateLimited, match="at most 2 branches"):
            await repositories.create_branch(viewer, repository.id, name)
        with nullcontext() if name == "one" else pytest.raises(RateLimited, match="at most 1 tags"):
            await repositories.create_tag(viewer, repository.id, name, commit.id)
        with nullcontext() if name == "one" else pytest.raises(RateLimited, match="at most 2 commits"):
            await a_commit(viewer, repository, services)
        with nullcontext() if name == "one" else pytest.raises(RateLimited, match="at most 2 repositories"):
            await repositories.fork(viewer, repository.id, name)


async def test_a_fork_is_the_same_history_under_other_ids(viewer: Viewer, services: Services) -> None:
    original = await a_repository(viewer, description="mine", genre="dub", is_public=True)
    drums, bass = await some_sounds(viewer, 2)
    first = await a_commit(viewer, original, services, {"DRUMS": drums})
    second = await a_commit(viewer, original, services, {"DRUMS": drums, "BASS": bass}, "bass")
    side = await a_commit(viewer, original, services, {}, "side", parent_commit_id=first.id)
    await repositories.create_branch(viewer, original.id, "ideas", side.id)
    await repositories.update_branch(viewer, original.id, "ideas", BranchChanges(is_protected=True))
    await repositories.create_tag(viewer, original.id, "v1", second.id)
    before = await Asset.all().count(), await Stem.all().count(), await StemSet.all().count()
    stranger = await somebody_else()
    fork = await repositories.fork(stranger, original.id, "remix")
    assert (fork.owner_id, fork.forked_from_id) == (stranger.id, original.id)
    assert (fork.description, fork.genre, fork.is_public) == ("Fork of song", "dub", True)
    assert (await Asset.all().count(), await Stem.all().count(), await StemSet.all().count()) == before
    rows = await Commit.filter(repository_id=fork.id).order_by("number")
    assert [row.origin_id for row in rows] == [first.id, second.id, side.id]
    assert not {row.id for row in rows} & {first.id, second.id, side.id}
    assert [row.stem_set_id for row in rows] == [one.stem_set_id for one in (first, second, side)]
    assert [row.blame for row in rows] == [{"DRUMS": 1}, {"DRUMS": 1, "BASS": 2}, {}]
    heads = {
        (one.name, one.head, one.is_default, one.is_protected)
        for one in await Branch.filter(repository_id=fork.id)
    }
    assert heads == {("main", 2, True, False), ("ideas", 3, False, False)}
    assert [(one.name, one.number) for one in await CommitTag.filter(repository_id=fork.id)] == [("v1", 2)]
    louder = await a_commit(
        stranger, fork, services, {"DRUMS": drums.id}
    )  # another owner's file, in the fork
    assert (louder.number, await stems_of(louder)) == (4, {"DRUMS": drums.id})
    with pytest.raises(NotFound):
        await a_commit(stranger, fork, services, {"DRUMS": (await an_asset(viewer)).id})
    with pytest.raises(Conflict):
        await repositories.fork(stranger, original.id, "remix")


async def test_a_fork_from_a_commit_has_its_history_alone(viewer: Viewer, services: Services) -> None:
    original = await a_repository(viewer)
    first = await a_commit(viewer, original, services)
    second = await a_commit(viewer, original, services)
    side = await a_commit(viewer, original, services, parent_commit_id=first.id)
    await repositories.create_tag(viewer, original.id, "old", first.id)
    await repositories.create_tag(viewer, original.id, "new", second.id)
    fork = await repositories.fork(viewer, original.id, "remix", side.id)
    rows = await Commit.filter(repository_id=fork.id).order_by("number")
    assert [row.origin_id for row in rows] == [first.id, side.id]
    assert [one.name for one in await CommitTag.filter(repository_id=fork.id)] == ["old"]
    (branch,) = await Branch.filter(repository_id=fork.id)
    assert (branch.name, branch.head, branch.is_default) == ("main", side.number, True)
    assert (await a_commit(viewer, fork, services)).number == side.number + 1
    empty = await repositories.fork(viewer, (await a_repository(viewer, "empty")).id, "empty too")
    assert (empty.last_number, await Branch.filter(repository_id=empty.id).count()) == (0, 0)
    with pytest.raises(InvalidInput, match="another repository"):
        await repositories.fork(viewer, empty.id, "wrong", side.id)
    assert not await Repository.exists(name="wrong")


async def test_a_fork_stays_when_its_original_goes(viewer: Viewer, services: Services) -> None:
    original = await a_repository(viewer)
    drums, bass = await some_sounds(viewer, 2)
    await a_commit(viewer, original, services, {"DRUMS": drums})
    fork = await repositories.fork(viewer, original.id, "remix")
    await a_commit(viewer, original, services, {"BASS": bass})
    await repositories.delete(viewer, original.id, services=services)
    assert [row.repository_id for row in await Commit.all()] == [fork.id]
    assert [stem.asset_id for stem in await Stem.all()] == [drums.id]
    assert (await StemSet.all().count(), await StemSetPart.all().count()) == (1, 1)
    await repositories.delete(viewer, fork.id, services=services)
    for table in (Commit, Stem, StemSet, StemSetPart, Branch, CommitTag, Repository):
        assert await table.all().count() == 0, table
    assert await Asset.all().count() == 2  # files are their owner's


async def test_commits_and_deletions_at_once_leave_no_stem_behind_and_lose_none(
    viewer: Viewer, services: Services
) -> None:
    drums = await an_asset(viewer)
    going = [await a_repository(viewer, f"going {number}") for number in range(6)]
    for one in going:
        await a_commit(viewer, one, services, {"DRUMS": drums})
    staying = [await a_repository(viewer, f"staying {number}") for number in range(6)]
    work = []
    for gone, stays in zip(going, staying, strict=True):
        work += [
            repositories.delete(viewer, gone.id, services=services),
            a_commit(viewer, stays, services, {"DRUMS": drums}),
        ]
    await asyncio.gather(*work)
    for commit in await Commit.all():
        assert await stems_of(commit) == {"DRUMS": drums.id}
    assert await Commit.all().count() == 6
    assert (await Stem.all().count(), await StemSet.all().count()) == (1, 1)


async def test_a_file_that_its_owner_deletes_stays_as_long_as_a_commit_has_it(
    viewer: Viewer, services: Services, tmp_path: Path
) -> None:
    content = tmp_path / "drums.wav"
    content.write_bytes(b"RIFF")
    mix, drums = await an_asset(viewer), await an_asset(viewer)
    for asset in (mix, drums):
        await services.files.put(asset.key, content)
    repository = await a_repository(viewer)
    commit = await a_commit(viewer, repository, services, {"DRUMS": drums}, render_id=mix.id)
    for asset in (mix, drums):
        await assets.delete(viewer, asset.id, services=services)
    with pytest.raises(NotFound):
        await assets.get(viewer, drums.id)
    await assets.sweep(services)
    assert await services.files.exists(drums.key)
    assert await services.files.exists(mix.key)
    for asset in (mix, drums):
        assert (await commits.shown_file(viewer, asset.id)).key == asset.key
    assert (await a_commit(viewer, repository, services)).stem_set_id == commit.stem_set_id
    await repositories.delete(viewer, repository.id, services=services)
    await assets.sweep(services)
    assert not await services.files.exists(drums.key)
    assert not await services.files.exists(mix.key)
    assert not await Asset.all().exists()


async def test_retention_leaves_what_a_commit_has(viewer: Viewer, services: Services) -> None:
    ended: dict[str, Any] = {"completed_at": datetime.now(UTC) - timedelta(days=40)}
    several = [await a_job(viewer, number, **ended) for number in range(3)]
    stem, mix, unused = [
        await an_output(job, viewer, "audio", kind="AUDIO", key=f"renders/{job.id}/1/0.wav")
        for job in several
    ]
    repository = await a_repository(viewer)
    await a_commit(viewer, repository, services, {"OTHER": stem}, render_id=mix.id)
    assert (await jobs.prunable(30)).jobs == 1
    removed = await jobs.prune(30, services=services)
    assert (removed.jobs, removed.held) == (1, 2)
    assert set(await Asset.filter(deleted_at__isnull=True).values_list("id", flat=True)) == {stem.id, mix.id}
    assert not await Asset.exists(id=unused.id)
    await repositories.delete(viewer, repository.id, services=services)
    assert (await jobs.prune(30, services=services)).jobs == 2


async def test_new_commits_are_followed_and_what_was_missed_comes_first(
    viewer: Viewer, services: Services
) -> None:
    repository = await a_repository(viewer)
    made = [await a_commit(viewer, repository, services, message=str(number)) for number in range(3)]

    async def seen(after: Commit | None) -> list[int]:
        start = None if after is None else after.id
        steps = [step async for step in repositories.opening(viewer, repository.id, start, services=services)]
        assert steps[-1].mark == Version(3)
        return [step.item.number for step in steps if step.item is not None]

    assert await seen(None) == []
    assert await seen(made[0]) == [2, 3]
    assert await seen(made[2]) == []
    other = await a_commit(viewer, await a_repository(viewer, "other"), services)
    with pytest.raises(InvalidInput, match="another repository"):
        await anext(repositories.watch(viewer, repository.id, other.id, services=services))
    with pytest.raises(NotFound):
        await anext(repositories.watch(await somebody_else(), repository.id, services=services))


async def test_a_follower_gets_long_histories_in_parts_and_ends_with_the_repository(
    viewer: Viewer, services: Services
) -> None:
    repository = await a_repository(viewer)
    first = await a_commit(viewer, repository, services)
    await sql.run(
        "INSERT INTO commits (id, repository_id, number, origin_id, parent, reach, author_id, message,"
        " stem_set_id, blame, created_at) SELECT gen_random_uuid(), repository_id, n, gen_random_uuid(),"
        " n - 1, n, author_id, 'many', stem_set_id, blame, now() FROM commits, generate_series(2, 251) AS n"
    )
    await sql.run("UPDATE repositories SET last_number = 251")
    found = []
    async for commit in repositories.watch(viewer, repository.id, first.id, services=services):
        found.append(commit.number)
        if commit.number == 251:
            break
    assert found == list(range(2, 252))
    steps = repositories.following(viewer, repository.id, Version(251), services=services)
    await repositories.delete(viewer, repository.id, services=services)
    assert [step async for step in steps] == []
