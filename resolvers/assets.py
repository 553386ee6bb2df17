"""Stored files: what GraphQL asks of them, in the domain's words."""

from __future__ import annotations

from db.assets import Asset
from domain import assets
from domain.errors import NotFound
from domain.pages import Page
from resolvers.context import Context
from resolvers.ids import parsed, required
from resolvers.uploads import Upload


async def get(ctx: Context, id: str) -> Asset | None:
    asset_id = parsed(id)
    if asset_id is None:
        return None
    try:
        return await assets.get(ctx.viewer, asset_id)
    except NotFound:
        return None


async def page(
    ctx: Context, kind: str | None, search: str | None, first: int, after: str | None, *, is_counted: bool
) -> Page[Asset]:
    return await assets.page(
        ctx.viewer, kind=kind, search=search, first=first, after=after, is_counted=is_counted
    )


async def upload(ctx: Context, file: Upload) -> Asset:
    return await assets.store(ctx.viewer, file.path, file.filename, services=ctx.services, sha256=file.sha256)


async def delete(ctx: Context, id: str) -> None:
    await assets.delete(ctx.viewer, required(id, "Asset"), services=ctx.services)


def url(ctx: Context, asset: Asset) -> str:
    return assets.url(asset, ctx.services.public_url)


def thumbnail_url(ctx: Context, asset: Asset) -> str | None:
    return assets.thumbnail_url(asset, ctx.services.public_url)


async def peaks(ctx: Context, asset: Asset, count: int) -> list[float] | None:
    """None for what is no audio. Raises InvalidInput for a count out of range."""
    return await assets.peaks(asset, count, services=ctx.services)
