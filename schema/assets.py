"""Stored files."""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import Self
from uuid import UUID

import strawberry

from db.assets import Asset as Row
from domain.pages import Page
from resolvers import assets, audio_analysis
from schema.audio_analysis import AudioAnalysis
from schema.columns import Columns, attributes, loaded, members
from schema.info import Info
from schema.lookahead import Wanted
from schema.pagination import PageInfo, connected
from schema.scalars import Long

DEFAULT_PEAKS = 800


@strawberry.enum(description="What a file is, judged by its content.")
class AssetKind(Enum):
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    IMAGE = "IMAGE"
    OTHER = "OTHER"


_kind = members(AssetKind)
_COLUMNS: Columns = {
    **attributes("filename", "content_type", "size", "sha256", "duration", "width", "height"),
    **attributes("sample_rate", "channels", "created_at"),
    "id": lambda row: str(row.id),
    "kind": lambda row: _kind(row.kind),
}


@strawberry.type(description="One stored file, uploaded or made here.")
class Asset:
    row: strawberry.Private[Row]
    id: strawberry.ID
    kind: AssetKind
    filename: str = strawberry.field(description="Unique among the owner's files.")
    content_type: str
    size: Long = strawberry.field(description="Bytes.")
    sha256: str = strawberry.field(description="Hash of the content, in hexadecimal.")
    duration: float | None = strawberry.field(description="Seconds.")
    width: int | None = strawberry.field(description="Pixels.")
    height: int | None = strawberry.field(description="Pixels.")
    sample_rate: int | None = strawberry.field(description="Hertz.")
    channels: int | None
    created_at: datetime
    url: str = strawberry.field(description="Where the bytes are; answers Range requests.")
    thumbnail_url: str | None = strawberry.field(description="A small picture of a video or an image.")
    analysis: AudioAnalysis | None = strawberry.field(
        description="What is heard in it, once `analyzeAudio` has listened to it (or to the same content)."
    )

    @classmethod
    async def of(cls, row: Row, wanted: Wanted) -> Self:
        return (await cls.by_id([row], wanted))[row.id]

    @classmethod
    async def by_id(cls, rows: Collection[Row], wanted: Wanted) -> dict[UUID, Self]:
        context = wanted.context
        columns: Columns = {
            **_COLUMNS,
            "url": lambda row: assets.url(context, row),
            "thumbnail_url": lambda row: assets.thumbnail_url(context, row),
            **await loaded(_analyses(rows, wanted), "analysis"),
        }
        make = wanted.maker(cls, columns)
        return {row.id: make(row) for row in rows}

    @strawberry.field(
        description="The waveform as `count` values (1 to 4000) of 0 to 1. Null for what is no audio."
    )
    async def peaks(self, info: Info, count: int | None = DEFAULT_PEAKS) -> list[float] | None:
        return await assets.peaks(info.context, self.row, DEFAULT_PEAKS if count is None else count)


async def _analyses(rows: Collection[Row], wanted: Wanted) -> Columns:
    if "analysis" not in wanted:
        return {}
    found = await audio_analysis.of_assets(wanted.context, rows)
    make = AudioAnalysis.maker(wanted.below("analysis"))
    made = {asset_id: make(row) for asset_id, row in found.items()}
    return {"analysis": lambda row: made.get(row.id)}


@strawberry.type
class AssetEdge:
    cursor: str
    node: Asset


@strawberry.type(description="A page of files, newest first.")
class AssetConnection:
    edges: list[AssetEdge]
    nodes: list[Asset]
    page_info: PageInfo
    total_count: int

    @classmethod
    async def of(cls, page: Page[Row], wanted: Wanted) -> Self:
        return await connected(cls, AssetEdge, Asset.by_id, page, wanted)
