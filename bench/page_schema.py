"""The schema of `bench.pages`: the product's words and scalars, on types that need rows in memory only.

The product's own types are made of rows of the database by what was selected; `bench.stored_pages` has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry.schema.config import StrawberryConfig

from domain.jobs import JobStatus, Priority
from schema.assets import AssetKind
from schema.job_words import JobKind
from schema.operation import Operation
from schema.scalars import SCALARS, Long
from schema.starling import StarlingSchema


@strawberry.type
class Asset:
    id: strawberry.ID
    kind: AssetKind
    filename: str
    content_type: str
    size: Long
    duration: float | None
    width: int | None
    height: int | None
    created_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=strawberry.ID(row["id"]),
            kind=AssetKind(row["kind"]),
            filename=row["filename"],
            content_type=row["contentType"],
            size=Long(row["size"]),
            duration=row["duration"],
            width=row["width"],
            height=row["height"],
            created_at=datetime.fromisoformat(row["createdAt"]),
        )


@strawberry.type
class JobError:
    code: str
    message: str


@strawberry.type
class JobStage:
    name: str
    status: JobStatus
    progress: float
    message: str | None
    started_at: datetime | None
    completed_at: datetime | None
    error: JobError | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            name=row["name"],
            status=JobStatus(row["status"]),
            progress=row["progress"],
            message=row["message"],
            started_at=datetime.fromisoformat(row["startedAt"]),
            completed_at=datetime.fromisoformat(row["completedAt"]),
            error=None if row["error"] is None else JobError(**row["error"]),
        )


@strawberry.type
class JobOutput:
    role: str
    asset: Asset


@strawberry.type
class Job:
    id: strawberry.ID
    kind: JobKind
    status: JobStatus
    priority: Priority
    progress: float
    message: str | None
    stages: list[JobStage]
    attempts: int
    max_attempts: int
    cost_usd: float
    eta_seconds: float | None
    cached: bool
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    completed_at: datetime | None
    outputs: list[JobOutput]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=strawberry.ID(row["id"]),
            kind=JobKind(row["kind"]),
            status=JobStatus(row["status"]),
            priority=Priority[row["priority"]],
            progress=row["progress"],
            message=row["message"],
            stages=[JobStage.of(stage) for stage in row["stages"]],
            attempts=row["attempts"],
            max_attempts=row["maxAttempts"],
            cost_usd=row["costUsd"],
            eta_seconds=row["etaSeconds"],
            cached=row["cached"],
            created_at=datetime.fromisoformat(row["createdAt"]),
            started_at=datetime.fromisoformat(row["startedAt"]),
            updated_at=datetime.fromisoformat(row["updatedAt"]),
            completed_at=None if row["completedAt"] is None else datetime.fromisoformat(row["completedAt"]),
            outputs=[JobOutput(role=one["role"], asset=Asset.of(one["asset"])) for one in row["outputs"]],
        )


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class JobConnection:
    nodes: list[Job]
    page_info: PageInfo
    total_count: int

    @classmethod
    def of(cls, page: Mapping[str, Any]) -> Self:
        info = page["pageInfo"]
        return cls(
            nodes=[Job.of(row) for row in page["nodes"]],
            page_info=PageInfo(has_next_page=info["hasNextPage"], end_cursor=info["endCursor"]),
            total_count=page["totalCount"],
        )


def page_schema(rows: Mapping[str, Any], *, compiled: bool) -> StarlingSchema:
    """`rows` are those of `bench.page_rows`; what is answered is made of them once, as on Node."""
    page = JobConnection.of(rows["jobs"])
    all_files = [Asset.of(row) for row in rows["files"]]

    @strawberry.type
    class Query:
        @strawberry.field
        def hello(self) -> str:
            return "world"

        @strawberry.field
        async def jobs(self, first: int) -> JobConnection:
            return page

        @strawberry.field
        async def files(self) -> list[Asset]:
            return all_files

    return StarlingSchema(
        query=Query,
        extensions=[Operation],
        compiled=compiled,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
