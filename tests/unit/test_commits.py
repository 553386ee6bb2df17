"""Commits over a real database: where they go, what their stems are, who made which change; and that none is
lost when many are made at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from db import sql
from db.branches import Branch
from db.commits import Commit
from db.repositories import Repository
from db.stems import Stem, StemSet
from domain import commits, repositories
from domain.accounts import Viewer, local_owner
from domain.commits import NewCommit, NewStem, StemType
from domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from domain.ports import Services
from tests.support.local_services import Nudges, local_services
from tests.support.music import a_commit, a_repository, some_sounds, somebody_else, stems_of
from tests.support.rows import an_asset

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
async def viewer(database: None) -> Viewer:
    return await local_owner()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return local_services(tmp_path)


@pytest.fixture
async def repository(viewer: Viewer) -> Repository:
    return await a_repository(viewer)


async def head(repository: Repository, name: str = "main") -> int:
    return int((await Branch.get(repository_id=repository.id, name=name)).head)


async def test_without_a_word_a_commit_goes_on_the_default_branch(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    first = await a_commit(viewer, repository, services)
    second = await a_commit(viewer, repository, services)
    assert (first.number, first.parent, second.number, second.parent) == (1, None, 2, 1)
    assert (first.origin_id, second.reach, await head(repository)) == (first.id, 2, 2)
    events = services.events
    assert isinstance(events, Nudges)
    assert events.topics == [f"repository:{repository.id}"] * 2


async def test_the_first_commit_names_the_first_branch(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    await a_commit(viewer, repository, services, branch="ideas")
    (branch,) = (await repositories.branches_of([repository.id]))[repository.id]
    assert (branch.name, branch.is_default, branch.is_protected, branch.head) == ("ideas", True, False, 1)


async def test_a_parent_that_has_been_overtaken_is_a_conflict_on_its_branch(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    first = await a_commit(viewer, repository, services)
    await a_commit(viewer, repository, services, branch="main", parent_commit_id=first.id)
    with pytest.raises(Conflict, match="main has moved") as refused:
        await a_commit(viewer, repository, services, branch="main", parent_commit_id=first.id)
    assert refused.value.field == "parent_commit_id"
    assert await Commit.filter(repository_id=repository.id).count() == 2


async def test_a_parent_alone_moves_its_branch_or_opens_a_line_without_a_name(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    first = await a_commit(viewer, repository, services)
    await repositories.create_branch(viewer, repository.id, "ideas", first.id)
    second = await a_commit(viewer, repository, services, parent_commit_id=first.id)
    assert (await head(repository), await head(repository, "ideas")) == (second.number, 1)  # default first
    third = await a_commit(viewer, repository, services, parent_commit_id=first.id)
    assert await head(repository, "ideas") == third.number
    fourth = await a_commit(viewer, repository, services, parent_commit_id=first.id)
    heads = {branch.head for branch in await Branch.filter(repository_id=repository.id)}
    assert heads == {second.number, third.number}
    assert (fourth.parent, fourth.reach) == (1, 2)
    fifth = await a_commit(viewer, repository, services, parent_commit_id=fourth.id)
    assert fifth.parent == fourth.number
    (page,) = (await commits.histories([repository.id], None, first=10, after=None)).values()
    assert [row.number for row in page.rows] == [5, 4, 3, 2, 1]


async def test_a_parent_of_another_repository_is_refused(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    other = await a_commit(viewer, await a_repository(viewer, "other"), services)
    hidden = await somebody_else()
    private = await a_commit(hidden, await a_repository(hidden), services)
    for _ in ("an empty repository", "one with a commit"):
        with pytest.raises(InvalidInput, match="another repository"):
            await a_commit(viewer, repository, services, parent_commit_id=other.id)
        for unknown in (uuid4(), private.id):
            with pytest.raises(NotFound):
                await a_commit(viewer, repository, services, parent_commit_id=unknown)
        if repository.last_number == 0:
            await a_commit(viewer, repository, services)


async def test_what_does_not_change_is_stored_once(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    drums, bass, other = await some_sounds(viewer, 3)
    first = await a_commit(viewer, repository, services, {"DRUMS": drums, "BASS": bass})
    again = await a_commit(viewer, repository, services, {"BASS": bass, "DRUMS": drums})
    kept = await a_commit(viewer, repository, services)
    changed = await a_commit(viewer, repository, services, {"DRUMS": drums, "BASS": other})
    assert first.stem_set_id == again.stem_set_id == kept.stem_set_id != changed.stem_set_id
    assert (await Stem.all().count(), await StemSet.all().count()) == (3, 2)
    assert [row.blame for row in (first, again, kept, changed)] == [
        {"DRUMS": 1, "BASS": 1},
        {"DRUMS": 1, "BASS": 1},
        {"DRUMS": 1, "BASS": 1},
        {"DRUMS": 1, "BASS": 4},
    ]
    none = await a_commit(viewer, repository, services, {})
    assert (await stems_of(none), none.blame) == ({}, {})


async def test_the_same_bytes_uploaded_again_are_no_change(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    drums = await an_asset(viewer)
    again = await an_asset(viewer, sha256=drums.sha256, key=drums.key)
    first = await a_commit(viewer, repository, services, {"DRUMS": drums})
    second = await a_commit(viewer, repository, services, {"DRUMS": again})
    assert first.stem_set_id == second.stem_set_id
    assert second.blame == {"DRUMS": 1}


async def test_another_gain_is_a_change(viewer: Viewer, repository: Repository, services: Services) -> None:
    drums = await an_asset(viewer)
    first = await a_commit(viewer, repository, services, {"DRUMS": drums})
    quieter = NewCommit(repository.id, "softer", stems=[NewStem(StemType.DRUMS, drums.id, 0.5)])
    second = await commits.create(viewer, quieter, services=services)
    assert second.blame == {"DRUMS": 2}
    assert [(one.type, one.change) for one in (await commits.diff(viewer, first.id, second.id)).stems] == [
        (StemType.DRUMS, commits.StemChange.CHANGED)
    ]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("message", {"message": ""}),
        ("message", {"message": "   "}),
        ("message", {"message": "x" * 2_001}),
        ("message", {"message": "a\x00b"}),
        ("message", {"message": "\ud800"}),
        ("bpm", {"bpm": 0}),
        ("bpm", {"bpm": -1}),
        ("bpm", {"bpm": 1_000.1}),
        ("bpm", {"bpm": float("nan")}),
        ("bpm", {"bpm": float("inf")}),
        ("key_signature", {"key_signature": "x" * 33}),
        ("key_signature", {"key_signature": "a\x00"}),
        ("generation_params", {"generation_params": {"a": "x" * 16_384}}),
        ("generation_params", {"generation_params": {"a": "\x00"}}),
        ("generation_params", {"generation_params": {"a\x00": 1}}),
        ("generation_params", {"generation_params": 2**70}),
        ("generation_params", {"generation_params": "\ud800"}),
        ("branch", {"branch": "with space"}),
        ("branch", {"branch": "feature/one"}),
        ("branch", {"branch": ""}),
        ("branch", {"branch": "-dash"}),
        ("branch", {"branch": "x" * 101}),
        ("branch", {"branch": "a\x00"}),
    ],
)
async def test_bad_input_names_its_field(
    viewer: Viewer, repository: Repository, services: Services, field: str, given: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await a_commit(viewer, repository, services, **given)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert field in refused.value.message
    assert not await Commit.exists()


async def test_generation_params_may_be_any_json(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    for value in ({"a": [1, 2.5, None, True, "\\u0000 as text"]}, [1], "text", 7, False, None):
        row = await a_commit(viewer, repository, services, generation_params=value)
        assert (await Commit.get(id=row.id)).generation_params == value


async def test_stems_that_cannot_be(viewer: Viewer, repository: Repository, services: Services) -> None:
    drums, bass = await some_sounds(viewer, 2)
    picture = await an_asset(viewer, kind="IMAGE", filename="cover.png")
    gone = await an_asset(viewer, deleted_at=await sql.now())
    others = await an_asset(await somebody_else())

    async def refused(error: type[Exception], *news: NewStem) -> str:
        with pytest.raises(error) as caught:
            await commits.create(viewer, NewCommit(repository.id, "bad", stems=news), services=services)
        return str(caught.value.field)  # type: ignore[attr-defined]

    twice = (NewStem(StemType.BASS, drums.id), NewStem(StemType.BASS, bass.id))
    assert await refused(InvalidInput, *twice) == "stems"
    assert await refused(InvalidInput, NewStem(StemType.BASS, picture.id)) == "asset_id"
    for unknown in (gone.id, others.id, uuid4()):
        assert await refused(NotFound, NewStem(StemType.BASS, unknown)) == "asset_id"
    for gain in (-0.1, 4.1, float("nan"), float("inf")):
        assert await refused(InvalidInput, NewStem(StemType.BASS, bass.id, gain)) == "gain"
    assert not await Commit.exists()


async def test_a_mix_is_a_sound_of_ones_own(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    mix, picture = await an_asset(viewer), await an_asset(viewer, kind="IMAGE")
    assert (await a_commit(viewer, repository, services, render_id=mix.id)).render_id == mix.id
    with pytest.raises(InvalidInput, match="render_id must name an audio file"):
        await a_commit(viewer, repository, services, render_id=picture.id)
    with pytest.raises(NotFound):
        await a_commit(viewer, repository, services, render_id=uuid4())


async def test_two_at_once_on_one_branch_lose_none(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    await asyncio.gather(
        *(a_commit(viewer, repository, services, message=str(number)) for number in range(24))
    )
    rows = await Commit.filter(repository_id=repository.id).order_by("number")
    assert [row.number for row in rows] == list(range(1, 25))
    assert [row.parent for row in rows] == [None, *range(1, 24)]
    assert sorted(int(row.message) for row in rows) == list(range(24))
    assert await head(repository) == 24


async def test_of_many_on_one_parent_one_is_first(
    viewer: Viewer, repository: Repository, services: Services
) -> None:
    first = await a_commit(viewer, repository, services)
    drums = await an_asset(viewer)
    outcomes = await asyncio.gather(
        *(
            a_commit(
                viewer,
                repository,
                services,
                {"DRUMS": drums},
                message=str(number),
                branch="main",
                parent_commit_id=first.id,
            )
            for number in range(12)
        ),
        return_exceptions=True,
    )
    made = [outcome for outcome in outcomes if isinstance(outcome, Commit)]
    assert len(made) == 1
    assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not made[0])
    assert await Commit.all().count() == 2


async def test_repositories_that_take_up_one_file_at_once_share_its_stem(
    viewer: Viewer, services: Services
) -> None:
    drums = await an_asset(viewer)
    several = [await a_repository(viewer, str(number)) for number in range(8)]
    made = await asyncio.gather(*(a_commit(viewer, one, services, {"DRUMS": drums}) for one in several))
    assert len({row.stem_set_id for row in made}) == 1
    assert (await Stem.all().count(), await StemSet.all().count()) == (1, 1)


async def test_a_private_repository_is_its_owners_and_a_public_one_is_read_by_all(
    viewer: Viewer, services: Services
) -> None:
    private, public = await a_repository(viewer), await a_repository(viewer, "open", is_public=True)
    drums = await an_asset(viewer)
    hidden = await a_commit(viewer, private, services, {"DRUMS": drums})
    stranger = await somebody_else()
    with pytest.raises(NotFound):
        await commits.get(stranger, hidden.id)
    with pytest.raises(NotFound):
        await a_commit(stranger, private, services)
    with pytest.raises(NotFound):
        await repositories.fork(stranger, private.id, "mine")
    with pytest.raises(NotFound):
        await commits.shown_file(stranger, drums.id)
    with pytest.raises(Forbidden):
        await a_commit(stranger, public, services)
    shown = await a_commit(viewer, public, services, {"DRUMS": drums})
    assert (await commits.get(stranger, shown.id)).id == shown.id
    assert (await commits.shown_file(stranger, drums.id)).id == drums.id
    await repositories.update(viewer, public.id, {"is_public": False})
    with pytest.raises(NotFound):
        await commits.shown_file(stranger, drums.id)


@pytest.mark.parametrize(
    "broken",
    [
        "UPDATE commits SET parent = number WHERE number = 2",
        "UPDATE commits SET parent = 3 WHERE number = 2",
        "UPDATE commits SET merged = 2, parent = 1 WHERE number = 2",
        "UPDATE commits SET merged = 1 WHERE number = 2",
        "UPDATE commits SET number = 1 WHERE number = 2",
        "UPDATE branches SET head = 0",
    ],
)
async def test_the_database_itself_refuses_a_cycle(
    viewer: Viewer, repository: Repository, services: Services, broken: str
) -> None:
    for _ in range(2):
        await a_commit(viewer, repository, services)
    with pytest.raises(Exception, match=r"violates (check|unique) constraint"):
        await sql.run(broken)
