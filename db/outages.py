"""Which errors of the database pass by themselves: it is away, or its disk is full."""

from __future__ import annotations

from enum import Enum, auto

import asyncpg
from tortoise.exceptions import DBConnectionError


class Outage(Enum):
    AWAY = auto()
    FULL = auto()


# Whatever `outage` knows is one of these; not all of these are outages.
KINDS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBConnectionError,
    ConnectionError,
    FileNotFoundError,
    TimeoutError,
)
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it starts, stops or has crashed
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DBConnectionError,
    ConnectionError,
    TimeoutError,
)


def outage(error: BaseException | None) -> Outage | None:
    """None for an error that would come again however often one tried."""
    if isinstance(error, asyncpg.DiskFullError):
        return Outage.FULL
    if isinstance(error, _AWAY):
        return Outage.AWAY
    # The socket of a server that has not begun to listen; a file that is missing has a name.
    is_no_socket = isinstance(error, FileNotFoundError) and error.filename is None
    return Outage.AWAY if is_no_socket else None
