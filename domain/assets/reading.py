"""Finding assets. Each of these sees the viewer's own, and none that were deleted."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote
from uuid import UUID

from db import assets as rows
from db.assets import Asset
from domain.accounts import Viewer
from domain.assets.names import MAX_NAME_CHARACTERS, last_segment
from domain.errors import InvalidInput, NotFound
from domain.pages import Page, checked_first, decode_cursor

MAX_SEARCH_CHARACTERS = 200
MAX_REFERENCE_CHARACTERS = 4096
MAX_KEY_CHARACTERS = 255  # what the column holds; asking it for more is an error of its own
_ASSET_PATH = re.compile(r"/?assets/([0-9a-fA-F-]{36})/[^/]+$")


async def get(viewer: Viewer, asset_id: UUID) -> Asset:
    """Raises NotFound."""
    asset = await rows.of_id(viewer.id, asset_id)
    if asset is None:
        raise NotFound("Asset not found")
    return asset


async def find(viewer: Viewer, asset_id: UUID) -> Asset | None:
    return await rows.of_id(viewer.id, asset_id)


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Asset]:
    """Those of `ids` that are there: one query, for loaders."""
    return {asset.id: asset for asset in await rows.of_ids(viewer.id, ids)} if ids else {}


async def inputs(viewer: Viewer, ids: Collection[UUID]) -> list[Asset]:
    """The assets that a job is about to read, in the order of `ids`, within the transaction that records the
    job and its inputs: none of them can be deleted, nor its bytes be lost, before that is committed.

    Raises NotFound.
    """
    held = {asset.id: asset for asset in await rows.held_for_reading(viewer.id, ids)}
    if len(held) < len(set(ids)):
        raise NotFound("Asset not found")
    return [held[asset_id] for asset_id in ids]


async def page(
    viewer: Viewer,
    *,
    kind: str | None = None,
    search: str | None = None,
    first: int = 50,
    after: str | None = None,
    is_counted: bool = True,
) -> Page[Asset]:
    """Newest first. `search` is a part of the file name in any case. Raises InvalidInput."""
    wanted = _checked_search(search)
    limit = checked_first(first)
    key = decode_cursor(after)
    place = None if key is None else (key.created_at, key.id)
    found = await rows.page(viewer.id, kind, wanted, place, limit + 1)
    total = await rows.count(viewer.id, kind, wanted) if is_counted else None
    return Page(found[:limit], len(found) > limit, place is not None, total)


async def find_named(viewer: Viewer, text: str) -> Asset | None:
    """What a REST client means by `audio_path`, `file_path`, ...: the path, URL or key that an upload or a
    result returned, an id, or else the last segment of it as a file name, newest first.

    Nothing is opened or fetched by what the client says.
    """
    if not text or "\0" in text or len(text) > MAX_REFERENCE_CHARACTERS:
        return None
    text = text.encode(errors="replace").decode()  # a lone surrogate names nothing
    plain = re.split(r"[?#]", text, maxsplit=1)[0]
    return (
        await _by_id(viewer, plain)
        or await _by_key(viewer, plain)
        or await _by_name(viewer, last_segment(text))
        or await _by_name(viewer, unquote(last_segment(plain), errors="replace"))
    )


def id_within(text: str) -> UUID | None:
    """The id that a path or URL of an asset has in it, or that the text is."""
    plain = re.split(r"[?#]", text, maxsplit=1)[0]
    path = _ASSET_PATH.search(plain)
    try:
        return UUID(path[1] if path else plain)
    except ValueError:
        return None


async def _by_id(viewer: Viewer, text: str) -> Asset | None:
    asset_id = id_within(text)
    return None if asset_id is None else await rows.of_id(viewer.id, asset_id)


async def _by_key(viewer: Viewer, text: str) -> Asset | None:
    key = text.lstrip("/")
    same = await rows.of_key(viewer.id, key) if len(key) <= MAX_KEY_CHARACTERS else []
    return same[0] if same else None


async def _by_name(viewer: Viewer, name: str) -> Asset | None:
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or "\0" in name:
        return None
    return await rows.of_name(viewer.id, name)


def _checked_search(search: str | None) -> str | None:
    if search is None or not search.strip():
        return None
    if len(search) > MAX_SEARCH_CHARACTERS:
        raise InvalidInput("search", f"search may have at most {MAX_SEARCH_CHARACTERS} characters")
    if "\0" in search:
        raise InvalidInput("search", "search must not contain a NUL")
    return search
