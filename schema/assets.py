"""Stored files."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from db.assets import Asset as Row
from domain.pages import Page
from resolvers import assets
from schema.info import Info
from schema.pagination import PageInfo, connected
from schema.scalars import Long

DEFAULT_PEAKS = 800


@strawberry.enum(description="What a file is, judged by its content.")
class AssetKind(Enum):
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    IMAGE = "IMAGE"
    OTHER = "OTHER"


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

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            row=row,
            id=strawberry.ID(str(row.id)),
            kind=AssetKind(row.kind),
            filename=row.filename,
            content_type=row.content_type,
            size=Long(row.size),
            sha256=row.sha256,
            duration=row.duration,
            width=row.width,
            height=row.height,
            sample_rate=row.sample_rate,
            channels=row.channels,
            created_at=row.created_at,
        )

    @strawberry.field(description="Where the bytes are; answers Range requests.")
    def url(self, info: Info) -> str:
        return assets.url(info.context, self.row)

    @strawberry.field(description="A small picture of a video or an image.")
    def thumbnail_url(self, info: Info) -> str | None:
        return assets.thumbnail_url(info.context, self.row)

    @strawberry.field(
        description="The waveform as `count` values (1 to 4000) of 0 to 1. Null for what is no audio."
    )
    async def peaks(self, info: Info, count: int | None = DEFAULT_PEAKS) -> list[float] | None:
        return await assets.peaks(info.context, self.row, DEFAULT_PEAKS if count is None else count)


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
    def of(cls, page: Page[Row]) -> Self:
        return cls(**connected(page, Asset.of, AssetEdge))
