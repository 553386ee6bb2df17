"""Each new commit of a repository, until the repository is deleted or is not shown to the viewer any more.

Numbers of commits only grow and are given under the repository's lock, so whoever has seen one has seen all
that can be seen before it, and a lost nudge only delays.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from db import commits as commit_rows
from db import repositories as rows
from db.commits import Commit
from domain.accounts import Viewer
from domain.errors import InvalidInput
from domain.patience import patiently
from domain.ports import Services
from domain.repositories.reading import commit, get, topic
from domain.watching import Step, Version

REREAD_SECONDS = 5.0
BATCH = 100

Steps = AsyncGenerator[Step[Commit, Version], None]


async def watch(
    viewer: Viewer, repository_id: UUID, after: UUID | None = None, *, services: Services
) -> AsyncGenerator[Commit, None]:
    """From now on; with `after`, a commit of the repository, first all that came after it. Raises NotFound,
    and InvalidInput for a commit of another repository, at the first step."""
    mark = await _beginning(viewer, repository_id, after, services)
    steps = following(viewer, repository_id, mark, services=services)
    async with aclosing(steps):
        async for step in steps:
            if step.item is not None:
                yield step.item


async def opening(
    viewer: Viewer, repository_id: UUID, start: Version | UUID | None = None, *, services: Services
) -> Steps:
    """What came after `start` (a mark, or a commit), up to now. Raises what `watch` does."""
    if isinstance(start, Version):
        mark = start
    else:
        mark = await _beginning(viewer, repository_id, start, services)
    yield Step(None, mark)
    is_all = False
    while not is_all:
        found = await _later(viewer, repository_id, mark, services)
        for step in found.steps:
            yield step
            mark = step.mark
        is_all = found.is_all


async def following(viewer: Viewer, repository_id: UUID, mark: Version, *, services: Services) -> Steps:
    """Every later commit, in order."""
    async with services.events.subscribe(topic(repository_id)) as nudges:
        while True:
            found = await _later(viewer, repository_id, mark, services)
            for step in found.steps:
                if step.is_last:
                    return
                yield step
                mark = step.mark
            if found.is_all:
                await nudges.wait(REREAD_SECONDS)


async def _beginning(viewer: Viewer, repository_id: UUID, after: UUID | None, services: Services) -> Version:
    if after is None:
        key = ("repository to open", viewer, repository_id)
        row = await services.reads.read(key, lambda: get(viewer, repository_id))
        return Version(row.last_number)
    await get(viewer, repository_id)
    last = await commit(viewer, after, "after")
    if last.repository_id != repository_id:
        raise InvalidInput("after", "after names a commit of another repository")
    return Version(last.number)


@dataclass(frozen=True)
class _Found:
    steps: list[Step[Commit, Version]]
    is_all: bool


async def _later(viewer: Viewer, repository_id: UUID, mark: Version, services: Services) -> _Found:
    key = ("commits", viewer, repository_id, mark.number)
    return await patiently(lambda: services.reads.read(key, lambda: _read(viewer, repository_id, mark)))


async def _read(viewer: Viewer, repository_id: UUID, mark: Version) -> _Found:
    row = await rows.find(viewer.id, repository_id)
    if row is None:
        return _Found([Step(None, mark, is_last=True)], is_all=True)
    if row.last_number == mark.number:
        return _Found([], is_all=True)
    if row.last_number < mark.number:
        # Numbers only grow, so the database itself was set back, to a backup or a standby that lagged.
        return _Found([Step(None, Version(row.last_number, is_set_back=True))], is_all=True)
    found = await commit_rows.after_number(repository_id, mark.number, BATCH)
    return _Found([Step(one, Version(one.number)) for one in found], is_all=len(found) < BATCH)
