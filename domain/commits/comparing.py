"""What two commits have in common and what not, stem by stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db import commit_walks
from db import commits as rows
from db.commits import Commit
from db.stems import TYPES, Stem
from domain.accounts import Viewer
from domain.commits.reading import StemOf, stem_sets
from domain.commits.stems import StemType, is_same
from domain.repositories.graphs import Graph, merge_base
from domain.repositories.reading import commit


class StemChange(StrEnum):
    ADDED = "ADDED"
    REMOVED = "REMOVED"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True)
class StemDiff:
    type: StemType
    change: StemChange
    before: StemOf | None
    after: StemOf | None


@dataclass(frozen=True)
class CommitDiff:
    """`bpm_delta` is head less base, None where one has no tempo."""

    base: Commit
    head: Commit
    bpm_delta: float | None
    key_changed: bool
    stems: Sequence[StemDiff]


async def diff(viewer: Viewer, base_id: UUID, head_id: UUID) -> CommitDiff:
    """Of any two commits that the viewer may see, of two repositories too. Raises NotFound."""
    base, head = await commit(viewer, base_id, "base_id"), await commit(viewer, head_id, "head_id")
    sets = await stem_sets({base.stem_set_id, head.stem_set_id})
    old, new = sets[base.stem_set_id], sets[head.stem_set_id]
    return CommitDiff(
        base,
        head,
        None if base.bpm is None or head.bpm is None else head.bpm - base.bpm,
        base.key_signature != head.key_signature,
        [_compared(type, (base, old), (head, new)) for type in TYPES if type in old or type in new],
    )


async def common(base: Commit, head: Commit) -> Commit | None:
    """The newest commit that both come from, as the base's repository has it."""
    ours = Graph.of(await commit_walks.edges(base.repository_id))
    is_same_place = base.repository_id == head.repository_id
    theirs = ours if is_same_place else Graph.of(await commit_walks.edges(head.repository_id))
    found = merge_base(ours, base.number, theirs, head.number)
    return None if found is None else await rows.numbered(base.repository_id, found)


Side = tuple[Commit, Mapping[str, Stem]]


def _compared(type: str, old: Side, new: Side) -> StemDiff:
    before, after = _stem_of(type, old), _stem_of(type, new)
    if before is None:
        change = StemChange.ADDED
    elif after is None:
        change = StemChange.REMOVED
    else:
        same = is_same(before.stem, after.stem)
        change = StemChange.UNCHANGED if same else StemChange.CHANGED
    return StemDiff(StemType(type), change, before, after)


def _stem_of(type: str, side: Side) -> StemOf | None:
    of, stems = side
    return StemOf(of, stems[type]) if type in stems else None
