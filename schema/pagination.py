"""What every connection shares. Cursors are keyset cursors, so rows that come and go shift no page."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar
from uuid import UUID

import strawberry

from domain.pages import Key, Page


class Keyed(Protocol):
    id: UUID
    created_at: datetime


Row = TypeVar("Row", bound=Any)
Node = TypeVar("Node")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None

    @classmethod
    def of(cls, page: Page[Row], cursors: list[str]) -> Self:
        first, last = (cursors[0], cursors[-1]) if cursors else (None, None)
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=first,
            end_cursor=last,
        )


def cursor_of(row: Keyed) -> str:
    return Key(row.created_at, row.id).encode()


def connected(page: Page[Row], wrap: Callable[[Row], Node], edge: Callable[..., Any]) -> dict[str, Any]:
    """The values of a connection's fields: each row is wrapped once, for its edge and for the nodes."""
    nodes = [wrap(row) for row in page.rows]
    cursors = [cursor_of(row) for row in page.rows]
    return {
        "nodes": nodes,
        "edges": [edge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        "page_info": PageInfo.of(page, cursors),
        "total_count": page.total,
    }
