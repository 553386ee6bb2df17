"""Taking back what one commit did: a new commit on a branch, which keeps all that came after it.

It is a merge by stem whose base is the commit and whose other side is its (first) parent.
"""

from __future__ import annotations

from uuid import UUID

from db import commit_walks
from db import commits as rows
from db.commits import Commit
from db.repositories import IN_TRANSACTION, Repository
from db.stems import TYPES
from domain.accounts import Viewer
from domain.commits import rendering
from domain.commits.making import Figures, Made, Spot, added, head_of
from domain.commits.reading import stem_sets
from domain.commits.stems import is_same
from domain.commits.threeway import merged, merged_value
from domain.errors import Conflict, InvalidInput
from domain.ports import Services
from domain.repositories import texts
from domain.repositories.graphs import Graph
from domain.repositories.reading import branch_named, changeable, commit, topic


async def revert(viewer: Viewer, commit_id: UUID, branch: str, *, services: Services) -> Commit:
    """Raises NotFound, Forbidden, InvalidInput for a commit that the branch does not come from, and Conflict
    where later commits have changed the same stems, or nothing is left to take back."""
    taken_back = await commit(viewer, commit_id)
    async with IN_TRANSACTION():
        repository = await changeable(viewer, taken_back.repository_id)
        on = await branch_named(repository, branch, "branch")
        head = await head_of(on)
        graph = Graph.of(await commit_walks.edges(repository.id))
        if taken_back.number not in graph.history(head.number):
            raise InvalidInput("branch", f"branch {branch} does not come from that commit")
        made = await _reverted(viewer, repository, taken_back, Spot(head, on))
    await services.events.nudge(topic(repository.id))
    await rendering.ring(made.job, services=services)
    return made.commit


async def _reverted(viewer: Viewer, repository: Repository, taken_back: Commit, spot: Spot) -> Made:
    head = spot.parent
    assert head is not None
    before = await _parent(taken_back)
    there = [one for one in (taken_back, head, before) if one is not None]
    sets = await stem_sets({one.stem_set_id for one in there})
    old = {} if before is None else sets[before.stem_set_id]
    now = sets[head.stem_set_id]
    found = merged(sets[taken_back.stem_set_id], now, old, {})
    if found.conflicts:
        raise Conflict(f"Later commits have changed the same: {', '.join(found.conflicts)}", field="id")
    bpm = merged_value(taken_back.bpm, head.bpm, None if before is None else before.bpm)
    old_key = None if before is None else before.key_signature
    key = merged_value(taken_back.key_signature, head.key_signature, old_key)
    is_all_same = all(is_same(found.stems.get(type), now.get(type)) for type in TYPES)
    if is_all_same and (bpm, key) == (head.bpm, head.key_signature):
        raise Conflict("Nothing of that commit is left to take back", field="id")
    message = f"Revert: {taken_back.message}"[: texts.MAX_MESSAGE]
    render_id = before.render_id if before is not None and found.stems == old else None
    said = Figures(message, bpm, key, render_id=render_id)
    return await added(viewer, repository, spot, found.stems, now, said)


async def _parent(of: Commit) -> Commit | None:
    return None if of.parent is None else await rows.numbered(of.repository_id, of.parent)
