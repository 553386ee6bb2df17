"""What two commits have in common and what not, stem by stem.

How much louder a stem is and how alike two stems sound is told from their portraits, which the job that a
commit gets keeps of its stems (`domain.commits.rendering`): until that has ended it is not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db import commit_walks
from db import commits as rows
from db.commits import Commit
from db.stems import TYPES, Stem
from domain import portraits
from domain.accounts import Viewer
from domain.commits.reading import StemOf, files, stem_sets
from domain.commits.stems import StemType, is_same
from domain.repositories.graphs import Graph, merge_base
from domain.repositories.reading import commit
from render.audio.portraits.likeness import Portrait, loudness_lufs, similarity


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


@dataclass(frozen=True)
class Heard:
    """`loudness_delta_db` is head less base in LU, `similarity` 0..1; None where it is not known, or one of
    them is missing, or (the loudness) silent."""

    loudness_delta_db: float | None = None
    similarity: float | None = None


async def heard(stems: Sequence[StemDiff]) -> list[Heard]:
    """How each of them sounds on both sides, at its gains. At most two queries."""
    changed = {
        side.stem.asset_id
        for one in stems
        if one.change is StemChange.CHANGED
        for side in (one.before, one.after)
        if side is not None
    }
    found = await files(changed)
    known = await portraits.by_contents({file.sha256 for file in found.values()})
    by_file = {id: known[file.sha256] for id, file in found.items() if file.sha256 in known}
    if not by_file:
        return [_heard(one, by_file) for one in stems]
    # Two hours of each stem would hold up the event loop for a while.
    return await asyncio.to_thread(lambda: [_heard(one, by_file) for one in stems])


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


def _heard(one: StemDiff, known: Mapping[UUID, Portrait]) -> Heard:
    if one.before is None or one.after is None:
        return Heard()
    if one.change is StemChange.UNCHANGED:
        return Heard(0.0, 1.0)
    before, after = one.before.stem, one.after.stem
    if before.asset_id not in known or after.asset_id not in known:
        return Heard()
    was, now = known[before.asset_id], known[after.asset_id]
    old, new = loudness_lufs(was, before.gain), loudness_lufs(now, after.gain)
    return Heard(
        None if old is None or new is None else round(new - old, 2),
        round(similarity(was, before.gain, now, after.gain), 4),
    )


def _stem_of(type: str, side: Side) -> StemOf | None:
    of, stems = side
    return StemOf(of, stems[type]) if type in stems else None
