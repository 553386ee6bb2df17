"""Repositories with long histories in the database, as so many commits and merges leave them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from db import branches, stems
from db.assets import Asset
from db.commits import Commit
from db.repositories import Repository
from domain import repositories
from domain.accounts import Viewer, local_owner
from domain.pages import Key
from domain.ports import Services

SOUNDS = 200
MERGE_EACH = 10
TYPES = stems.TYPES[:4]


@dataclass(frozen=True)
class RepositoryOfMany:
    id: UUID
    middle_id: UUID
    middle_cursor: str


async def store(name: str, count: int, services: Services) -> RepositoryOfMany:
    """Each commit changes one of four stems; every tenth has a second parent, three commits before. A branch
    `side` is at the commit in the middle."""
    viewer = await local_owner()
    repository = await repositories.create(viewer, name)
    sounds = await _sounds(viewer)
    rows: list[Commit] = []
    sets: dict[tuple[UUID, ...], UUID] = {}
    present = [stem for stem, _ in zip(sounds, TYPES, strict=False)]
    blame = dict.fromkeys(TYPES, 1)
    for number in range(1, count + 1):
        turn = number % len(TYPES)
        present[turn] = sounds[(number * len(TYPES) + turn) % len(sounds)]
        blame = {**blame, TYPES[turn]: number}
        names = tuple(stem.id for stem in present)
        if names not in sets:
            sets[names] = await stems.obtain_set(present)
        rows.append(_commit(viewer, repository, number, sets[names], blame))
    await Commit.bulk_create(rows, batch_size=500)
    await Repository.filter(id=repository.id).update(last_number=count)
    middle = rows[count // 2]
    await branches.add(repository.id, "main", count, is_default=True)
    await branches.add(repository.id, "side", middle.number)
    return RepositoryOfMany(repository.id, middle.id, Key(middle.created_at, middle.id).encode())


async def _sounds(viewer: Viewer) -> list[stems.Stem]:
    """By turns of each type."""
    found = []
    for number in range(SOUNDS):
        id = uuid4()
        asset = await Asset.create(
            id=id,
            owner_id=viewer.id,
            kind="AUDIO",
            filename=f"{id}.wav",
            content_type="audio/wav",
            size=5_000_000,
            sha256=id.hex * 2,
            key=f"assets/{id.hex}",
            duration=30.0,
        )
        found.append(await stems.obtain(TYPES[number % len(TYPES)], asset, 1.0))
    return found


def _commit(
    viewer: Viewer, repository: Repository, number: int, stem_set_id: UUID, blame: dict[str, int]
) -> Commit:
    id = uuid4()
    return Commit(
        id=id,
        repository_id=repository.id,
        number=number,
        origin_id=id,
        parent=number - 1 or None,
        merged=number - 3 if number % MERGE_EACH == 0 else None,
        reach=number,
        author_id=viewer.id,
        message=f"take {number}: another sound for one of the stems",
        bpm=120.0,
        key_signature="A minor",
        generation_params={"seed": number, "mood": "calm"},
        stem_set_id=stem_set_id,
        blame=blame,
        created_at=repository.created_at,
    )
