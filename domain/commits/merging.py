"""Merging one branch into another, also from a fork back into its original.

The base is the newest commit that both come from. Where the target has nothing of its own since then, its
branch moves forward; where the source has nothing new, there is nothing to do; else a commit with two parents
is made, stem by stem. From a fork the commits that are not there yet are taken over first, with ids of their
own and the same stems. Everything happens under the locks of both repositories, taken in the order of their
ids; only what is to be mixed is made before (`domain.commits.mixing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from db import branches as branch_rows
from db import commit_walks
from db import commits as rows
from db import repositories as repository_rows
from db import stems as stem_rows
from db.branches import Branch
from db.commits import Commit
from db.jobs import Job
from db.repositories import IN_TRANSACTION, Repository
from db.stems import Stem
from domain.accounts import Viewer
from domain.commits import rendering
from domain.commits.making import checked_room, head_of
from domain.commits.mixing import Lacking, Mixes
from domain.commits.reading import StemOf, stem_sets
from domain.commits.stems import StemType, blame
from domain.commits.threeway import MergeSide, merged, merged_value
from domain.errors import Conflict, InvalidInput
from domain.ports import Services
from domain.repositories import texts
from domain.repositories.graphs import Graph, Taken, merge_base, taken_over
from domain.repositories.reading import branch_named, get, may_change, missing, topic

TRIES = 3  # with what is mixed made between them


class MergeStatus(StrEnum):
    MERGED = "MERGED"
    FAST_FORWARD = "FAST_FORWARD"
    UP_TO_DATE = "UP_TO_DATE"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True)
class Merge:
    """What is asked for: the branch `source` into the branch `target`."""

    repository_id: UUID
    source: str
    target: str
    source_repository_id: UUID | None = None
    message: str | None = None
    resolutions: Sequence[tuple[StemType, MergeSide]] = ()
    dry_run: bool = False


@dataclass(frozen=True)
class StemConflict:
    type: StemType
    base: StemOf | None
    ours: StemOf | None
    theirs: StemOf | None


@dataclass(frozen=True)
class MergeResult:
    """`commit` is what the target's head is now; None in a conflict, and where a dry run would change it.
    `job` is what a new commit needs."""

    status: MergeStatus
    commit: Commit | None = None
    conflicts: Sequence[StemConflict] = field(default_factory=list)
    job: Job | None = None


async def merge(viewer: Viewer, asked: Merge, *, services: Services) -> MergeResult:
    """Raises InvalidInput (unrelated histories among them), NotFound and Forbidden; where stems are to be
    mixed TimedOut, what else media can raise, and Conflict where the branches move all the while."""
    resolutions = _checked(asked.resolutions)
    message = None if asked.message is None else texts.message(asked.message)
    async with Mixes(viewer, services) as mixes:
        result = await _merged(viewer, asked, message, resolutions, mixes)
    if result.commit is not None and not asked.dry_run and result.status is not MergeStatus.UP_TO_DATE:
        await services.events.nudge(topic(asked.repository_id))
        await rendering.ring(result.job, services=services)
    return result


async def _merged(
    viewer: Viewer, asked: Merge, message: str | None, resolutions: Mapping[str, MergeSide], mixes: Mixes
) -> MergeResult:
    for left in reversed(range(TRIES)):
        try:
            async with IN_TRANSACTION():
                await mixes.hold()
                sides = await _sides(viewer, asked)
                return await sides.merged(viewer, message, resolutions, asked.dry_run, mixes)
        except Lacking as lacking:
            if left:  # nobody would take up what is mixed after the last
                await mixes.make(lacking.pairs)
    raise Conflict("The branches moved each time that their stems were mixed; try again", field="target")


@dataclass(frozen=True)
class _Sides:
    """Both sides, locked: our branch is the target, theirs the source."""

    repository: Repository
    our_branch: Branch
    their_branch: Branch
    our_graph: Graph
    their_graph: Graph

    async def merged(
        self,
        viewer: Viewer,
        message: str | None,
        resolutions: Mapping[str, MergeSide],
        is_dry: bool,
        mixes: Mixes,
    ) -> MergeResult:
        """Raises InvalidInput where they have no commit in common, and Lacking."""
        ours, theirs = await head_of(self.our_branch), await head_of(self.their_branch)
        base = merge_base(self.our_graph, ours.number, self.their_graph, theirs.number)
        if base is None:
            raise InvalidInput("source", "source and target have no commit in common: they cannot be merged")
        origin = self.our_graph.origins[base]
        if origin == theirs.origin_id:
            return MergeResult(MergeStatus.UP_TO_DATE, ours)
        if origin == ours.origin_id:
            head = None if is_dry else await self._forward(theirs)
            return MergeResult(MergeStatus.FAST_FORWARD, head)
        known = await rows.numbered(self.repository.id, base)
        assert known is not None
        return await self._three_way(viewer, (known, ours, theirs), message, resolutions, is_dry, mixes)

    async def _three_way(
        self,
        viewer: Viewer,
        commits: tuple[Commit, Commit, Commit],
        message: str | None,
        resolutions: Mapping[str, MergeSide],
        is_dry: bool,
        mixes: Mixes,
    ) -> MergeResult:
        base, ours, theirs = commits
        sets = await stem_sets({commit.stem_set_id for commit in commits})
        was, our, their = (sets[commit.stem_set_id] for commit in commits)
        found = merged(was, our, their, resolutions)
        if found.conflicts:
            conflicts = [
                StemConflict(
                    StemType(type), _of(base, was, type), _of(ours, our, type), _of(theirs, their, type)
                )
                for type in found.conflicts
            ]
            return MergeResult(MergeStatus.CONFLICT, conflicts=conflicts)
        if is_dry:
            return MergeResult(MergeStatus.MERGED)
        stems = found.stems | await mixes.taken_up(found.mixes)
        parent = await self._taken_over(theirs)
        checked_room(self.repository, 1)
        stem_set_id = await stem_rows.obtain_set(stems.values())
        said = message or f"Merge {self.their_branch.name} into {self.our_branch.name}"
        commit = await rows.insert(
            self.repository,
            author_id=viewer.id,
            parent=ours,
            merged=parent,
            reach=self._reach(ours, theirs),
            stem_set_id=stem_set_id,
            blame=blame(stems, (our, ours.blame), (their, parent.blame)),
            message=said,
            bpm=merged_value(base.bpm, ours.bpm, theirs.bpm),
            key_signature=merged_value(base.key_signature, ours.key_signature, theirs.key_signature),
            generation_params=None,
            render_id=rendering.kept_render(stem_set_id, ours, theirs),
        )
        job = await rendering.ask(commit, stems)
        await branch_rows.change(self.our_branch, {"head": commit.number})
        return MergeResult(MergeStatus.MERGED, commit, job=job)

    def _reach(self, ours: Commit, theirs: Commit) -> int:
        """How many commits the merge's history will have."""
        of_ours = {self.our_graph.origins[n] for n in self.our_graph.history(ours.number)}
        of_theirs = {self.their_graph.origins[n] for n in self.their_graph.history(theirs.number)}
        return len(of_ours | of_theirs) + 1

    async def _forward(self, theirs: Commit) -> Commit:
        head = await self._taken_over(theirs)
        await branch_rows.change(self.our_branch, {"head": head.number})
        return head

    async def _taken_over(self, theirs: Commit) -> Commit:
        """Their head as a commit of this repository."""
        if theirs.repository_id == self.repository.id:
            return theirs
        taken: Taken = taken_over(
            self.their_graph, theirs.number, self.our_graph, self.repository.last_number
        )
        checked_room(self.repository, len(taken.news))
        await commit_walks.take_over(theirs.repository_id, self.repository, taken.numbers, taken.news)
        found = await rows.numbered(self.repository.id, taken.numbers[theirs.number])
        assert found is not None
        return found


async def _sides(viewer: Viewer, asked: Merge) -> _Sides:
    ours = await get(viewer, asked.repository_id, "repository_id")
    may_change(viewer, ours)
    source_id = asked.source_repository_id or ours.id
    theirs = ours if source_id == ours.id else await get(viewer, source_id, "source_repository_id")
    locked: dict[UUID, Repository | None] = {}
    for repository_id in sorted({ours.id, theirs.id}):
        is_ours = repository_id == ours.id
        locked[repository_id] = await (repository_rows.locked if is_ours else repository_rows.held)(
            repository_id
        )
    target, source = locked[ours.id], locked[theirs.id]
    if target is None or source is None:
        raise missing("repository_id" if target is None else "source_repository_id")
    our_graph = Graph.of(await commit_walks.edges(target.id))
    return _Sides(
        target,
        await branch_named(target, asked.target, "target"),
        await branch_named(source, asked.source, "source"),
        our_graph,
        our_graph if source.id == target.id else Graph.of(await commit_walks.edges(source.id)),
    )


def _checked(resolutions: Sequence[tuple[StemType, MergeSide]]) -> dict[str, MergeSide]:
    found: dict[str, MergeSide] = {}
    for type, side in resolutions:
        if type.value in found:
            raise InvalidInput("resolutions", f"resolutions may settle each type once: {type.value} is twice")
        found[type.value] = side
    return found


def _of(commit: Commit, stems: Mapping[str, Stem], type: str) -> StemOf | None:
    return StemOf(commit, stems[type]) if type in stems else None
