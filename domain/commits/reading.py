"""Finding commits: whoever sees a repository sees what is in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from db import assets as asset_rows
from db import commit_walks
from db import commits as rows
from db import stems as stem_rows
from db.assets import Asset
from db.commits import Commit, Line, Place
from db.repositories import Repository
from db.stems import Mix, Stem
from domain.accounts import Viewer
from domain.errors import NotFound
from domain.pages import Page, checked_first, decode_cursor
from domain.repositories import texts


@dataclass(frozen=True)
class StemOf:
    """A stem as a commit has it."""

    commit: Commit
    stem: Stem

    @property
    def changed_in(self) -> Place:
        """The commit that brought it: since then it is the same in every commit up to this one."""
        return self.commit.repository_id, self.commit.blame[self.stem.type]


async def at(places: Collection[Place]) -> dict[Place, Commit]:
    """One query, for loaders."""
    return await rows.at(places) if places else {}


async def histories(
    repository_ids: Sequence[UUID],
    branch: str | None,
    *,
    first: int,
    after: str | None,
    is_counted: bool = True,
) -> dict[UUID, Page[Commit]]:
    """A page for each repository, newest first: of everything that is in it, or of the history of its branch
    of that name (none, where there is no such branch). One query, and one for the totals."""
    size = checked_first(first)
    key = decode_cursor(after)
    if branch is not None:
        texts.ref(branch, "branch")
    found = await commit_walks.pages(repository_ids, branch, None if key is None else key.id, size + 1)
    totals = await commit_walks.totals(repository_ids, branch) if is_counted else None
    return {
        repository_id: Page(
            several[:size],
            len(several) > size,
            key is not None,
            None if totals is None else totals.get(repository_id, 0),
        )
        for repository_id, several in found.items()
    }


async def everything(repository: Repository) -> list[Line]:
    """All commits, the oldest first, each with the least that shows it."""
    return await rows.lines(repository.id)


async def stem_sets(ids: Collection[UUID]) -> dict[UUID, dict[str, Stem]]:
    """By set and type, in the order of the types: one query, for loaders."""
    return await stem_rows.of_sets(ids) if ids else {}


async def mixes(wanted: Collection[Mix]) -> dict[Mix, Asset]:
    """What commits that the viewer was shown sound like as a whole, as far as it is known: for loaders."""
    return await stem_rows.mixes_of(wanted) if wanted else {}


def mix_of(commit: Commit) -> Mix:
    """The mix that it came with, else that of its stems, by which `mixes` finds it."""
    return commit.render_id, commit.stem_set_id


async def render_of(commit: Commit) -> Asset | None:
    return (await mixes([mix_of(commit)])).get(mix_of(commit))


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Commit]:
    """Those of `ids` that the viewer may see: one query, for loaders."""
    return {row.id: row for row in await rows.seen(viewer.id, ids)} if ids else {}


async def stems_of(commit: Commit) -> dict[str, Stem]:
    return (await stem_sets([commit.stem_set_id]))[commit.stem_set_id]


async def files(ids: Collection[UUID]) -> dict[UUID, Asset]:
    """What commits that the viewer was shown consist of, whoever's files they are: for loaders."""
    return {asset.id: asset for asset in await stem_rows.assets_of(ids)} if ids else {}


async def shown_file(viewer: Viewer, asset_id: UUID) -> Asset:
    """A file of the viewer, or of a commit that the viewer may see. Raises NotFound."""
    own = await asset_rows.of_id(viewer.id, asset_id)
    if own is not None:
        return own
    found = await files([asset_id])
    if asset_id not in found or not await rows.shows_asset(viewer.id, asset_id):
        raise NotFound("Asset not found")
    return found[asset_id]
