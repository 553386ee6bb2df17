"""Tags: names that stay with one commit, such as a release."""

from __future__ import annotations

from uuid import UUID

from db import branches as rows
from db.branches import CommitTag
from db.repositories import IN_TRANSACTION
from domain.accounts import Viewer
from domain.errors import Conflict, NotFound, RateLimited
from domain.repositories import texts
from domain.repositories.reading import changeable, commit_within

MAX_TAGS = 500  # of one repository: a list of them has no pages


async def create_tag(
    viewer: Viewer, repository_id: UUID, name: str, commit_id: UUID, message: str | None = None
) -> CommitTag:
    """Raises InvalidInput, NotFound, Forbidden, RateLimited, and Conflict where the name is taken."""
    clean = texts.ref(name)
    said = None if message is None else texts.prose(message, "message", texts.MAX_MESSAGE)
    async with IN_TRANSACTION():
        repository = await changeable(viewer, repository_id, "repository_id")
        commit = await commit_within(viewer, repository, commit_id, "commit_id")
        if await rows.tag_exists(repository.id, clean):
            raise Conflict(f"There is a tag that is called {clean} already", field="name")
        if await rows.count_tags(repository.id) >= MAX_TAGS:
            raise RateLimited(f"at most {MAX_TAGS} tags are allowed; delete some first")
        return await rows.add_tag(repository.id, clean, commit.number, said)


async def delete_tag(viewer: Viewer, repository_id: UUID, name: str) -> None:
    """Raises NotFound and Forbidden."""
    async with IN_TRANSACTION():
        repository = await changeable(viewer, repository_id, "repository_id")
        if not texts.is_ref(name) or not await rows.remove_tag(repository.id, name):
            raise NotFound("Tag not found", field="name")
