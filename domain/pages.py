"""Keyset pages, newest first.

A cursor names a row by (created_at, id), so inserts and deletions shift nothing.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from domain.errors import InvalidInput

MAX_PAGE = 100
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`total` counts every row of the list, whatever the page; None where nobody asked for it."""

    rows: list[Row]
    has_next: bool
    has_previous: bool
    total: int | None


@dataclass(frozen=True)
class Key:
    created_at: datetime
    id: UUID

    def encode(self) -> str:
        return base64.urlsafe_b64encode(f"{self.created_at.isoformat()}|{self.id}".encode()).decode()


def decode_cursor(cursor: str | None, field: str = "after") -> Key | None:
    """Raises InvalidInput for text that is no cursor of ours."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        created_at, _, row_id = text.partition("|")
        key = Key(datetime.fromisoformat(created_at), UUID(row_id))
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(field, f"{field} is not a cursor of this list") from error
    if key.created_at.tzinfo is None:
        raise InvalidInput(field, f"{field} is not a cursor of this list")
    return key


def checked_first(first: int, field: str = "first") -> int:
    if not 1 <= first <= MAX_PAGE:
        raise InvalidInput(field, f"{field} must be 1 to {MAX_PAGE}, got {first}")
    return first
