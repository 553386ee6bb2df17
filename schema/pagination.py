"""What every connection shares. Cursors are keyset cursors, so rows that come and go shift no page."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry

from domain.pages import Key, Page
from schema.columns import Columns
from schema.lookahead import Wanted


class Keyed(Protocol):
    id: UUID
    created_at: datetime


Row = TypeVar("Row", bound=Any)
Node = TypeVar("Node")
Connection = TypeVar("Connection")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


_PAGE_INFO: Columns = {
    "has_next_page": attrgetter("has_next"),
    "has_previous_page": attrgetter("has_previous"),
    "start_cursor": lambda page: cursor_of(page.rows[0]) if page.rows else None,
    "end_cursor": lambda page: cursor_of(page.rows[-1]) if page.rows else None,
}


def cursor_of(row: Keyed) -> str:
    return Key(row.created_at, row.id).encode()


async def connected(
    connection: type[Connection],
    edge: type[Any],
    nodes: Callable[[Collection[Row], Wanted], Awaitable[dict[UUID, Node]]],
    page: Page[Row],
    wanted: Wanted,
) -> Connection:
    """A page as a connection; `nodes` is the `by_id` of what it lists. A row has one object in it.

    Where `is_counted`, the page has to have its total.
    """
    edges = wanted.below("edges")
    found = await nodes(page.rows, wanted.below("nodes") + edges.below("node"))
    make_edge = edges.maker(edge, {"cursor": cursor_of, "node": lambda row: found[row.id]})
    columns: Columns = {
        "nodes": lambda page: list(found.values()),
        "edges": lambda page: [make_edge(row) for row in page.rows],
        "page_info": wanted.below("page_info").maker(PageInfo, _PAGE_INFO),
        "total_count": attrgetter("total"),
    }
    return wanted.maker(connection, columns)(page)


def is_counted(wanted: Wanted) -> bool:
    """Whether a connection's total is wanted: it costs a statement of its own."""
    return "total_count" in wanted
