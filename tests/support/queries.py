"""Which statements a block sends to PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import asyncpg
import pytest

# what opens and ends transactions, and what the pool says to a connection that comes back
_AROUND = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SELECT pg_advisory_unlock_all")
_METHODS = ("execute", "executemany", "fetch", "fetchrow", "fetchval")


@dataclass
class Queries:
    statements: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.statements)


@contextmanager
def counted() -> Iterator[Queries]:
    """The statements of this process within the block."""
    seen = Queries()
    with pytest.MonkeyPatch.context() as patch:
        for name in _METHODS:
            patch.setattr(asyncpg.Connection, name, _noting(getattr(asyncpg.Connection, name), seen))
        yield seen


def _noting(method: Callable[..., Any], seen: Queries) -> Callable[..., Any]:
    @wraps(method)
    async def noting(self: Any, query: str, *args: Any, **options: Any) -> Any:
        if not query.startswith(_AROUND):
            seen.statements.append(query)
        return await method(self, query, *args, **options)

    return noting
