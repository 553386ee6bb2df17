"""The connection to PostgreSQL: how a DATABASE_URL is read, and one Tortoise context a process.

Tortoise and asyncpg each crash on parameters that the other knows (`sslmode`, `max_size`), so the
URL is taken apart here and every parameter that we do not know is refused by name. Tortoise's pool holds
five connections by default: the size is ours, as is the client (`db.postgres`).

Nothing is opened by importing this module; `open_database` opens and closes.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.exceptions import DBConnectionError

MODELS = (
    "db.accounts",
    "db.assets",
    "db.audio_analyses",
    "db.sound_portraits",
    "db.particles",
    "db.jobs",
    "db.webhooks",
    "db.repositories",
    "db.branches",
    "db.stems",
    "db.commits",
)
APP_LABEL = "starling"
DEFAULT_POOL_SIZE = 10
COMMAND_TIMEOUT_SECONDS = 30.0
IDLE_TRANSACTION_SECONDS = 15  # less than a lease

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_PARAMETERS = (
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "application_name",
    "connect_timeout",
    "statement_cache_size",
)


class BadDatabaseUrl(ValueError):
    """DATABASE_URL cannot be used; the message says why and never shows the password."""


class DatabaseAway(RuntimeError):
    """The database does not answer or does not let us in; the message says why."""


@dataclass(frozen=True)
class DatabaseAddress:
    """Where the database is. `host` is a name, an address or the folder of a unix socket."""

    host: str
    port: int
    user: str
    password: str | None
    database: str
    sslmode: str = "prefer"
    sslrootcert: str | None = None
    application_name: str = "starling"
    connect_timeout_seconds: float = 10.0
    statement_cache_size: int | None = None

    def credentials(self, pool_size: int) -> dict[str, Any]:
        """The keywords of Tortoise's asyncpg client; what it does not know goes on to asyncpg's pool."""
        extra: dict[str, Any] = {}
        if self.statement_cache_size is not None:
            extra["statement_cache_size"] = self.statement_cache_size
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "application_name": self.application_name,
            "minsize": 1,
            "maxsize": pool_size,
            "timeout": self.connect_timeout_seconds,
            "command_timeout": COMMAND_TIMEOUT_SECONDS,
            "ssl": self._ssl(),
            # Planning costs more than running our short statements when the JIT starts up. What they read is
            # in memory: priced as a disk, the claim sorted the whole backlog instead of walking its index.
            "server_settings": {
                "jit": "off",
                "timezone": "UTC",
                "random_page_cost": "1.1",
                # Of a client that stands still or is cut off in the middle of a transaction: what it has
                # locked is free again before a lease can lapse, and nobody else's settlement waits longer.
                "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_SECONDS}s",
            },
            **extra,
        }

    def _ssl(self) -> str | bool | ssl.SSLContext:
        if self.host.startswith("/"):
            return False
        if self.sslrootcert is None:
            return self.sslmode
        context = ssl.create_default_context(cafile=self.sslrootcert)
        context.check_hostname = self.sslmode == "verify-full"
        return context


def parse_database_url(url: str) -> DatabaseAddress:
    """Read `postgresql://user:password@host:port/database?parameters`.

    A unix socket's folder is given as `?host=/folder` or as a percent-encoded host. Raises
    BadDatabaseUrl for another scheme, an unknown parameter or a value out of range.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise BadDatabaseUrl(
            f"DATABASE_URL must begin with postgresql://, not {parts.scheme or 'nothing'}://"
        )
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(given) - set(_PARAMETERS))
    if unknown:
        raise BadDatabaseUrl(
            f"DATABASE_URL has a parameter that is not known: {unknown[0]} (known: {', '.join(_PARAMETERS)})"
        )
    try:
        port = parts.port or int(given.get("port", 5432))
    except ValueError as error:
        raise BadDatabaseUrl("DATABASE_URL has a port that is no number of 1 to 65535") from error
    sslmode = given.get("sslmode", "prefer")
    if sslmode not in _SSL_MODES:
        raise BadDatabaseUrl(f"DATABASE_URL: sslmode must be one of {', '.join(_SSL_MODES)}")
    user = unquote(parts.username) if parts.username else given.get("user", "postgres")
    password = unquote(parts.password) if parts.password else given.get("password")
    return DatabaseAddress(
        host=unquote(parts.hostname) if parts.hostname else given.get("host", "localhost"),
        port=port,
        user=user,
        password=password,
        database=unquote(parts.path.lstrip("/")) or given.get("dbname") or user,
        sslmode=sslmode,
        sslrootcert=given.get("sslrootcert"),
        application_name=given.get("application_name", "starling"),
        connect_timeout_seconds=_number(given, "connect_timeout", 10.0),
        statement_cache_size=int(_number(given, "statement_cache_size", 0))
        if "statement_cache_size" in given
        else None,
    )


def _number(given: dict[str, str], name: str, default: float) -> float:
    try:
        value = float(given.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise BadDatabaseUrl(f"DATABASE_URL: {name} must be a number that is not negative")
    return value


def tortoise_config(address: DatabaseAddress, pool_size: int = DEFAULT_POOL_SIZE) -> dict[str, Any]:
    return {
        "connections": {
            "default": {
                "engine": "db.postgres",
                "credentials": address.credentials(pool_size),
            }
        },
        "apps": {
            APP_LABEL: {
                "models": list(MODELS),
                "default_connection": "default",
                "migrations": "db.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


@asynccontextmanager
async def open_database(url: str, pool_size: int = DEFAULT_POOL_SIZE) -> AsyncIterator[TortoiseContext]:
    """Connect this process to the database until the block ends.

    The context is also the process's fallback: an ASGI lifespan and its requests, a worker's start
    and its shutdown hook, run in different tasks, and a ContextVar alone would not reach them. One
    at a time in a process. Raises BadDatabaseUrl and DatabaseAway.
    """
    address = parse_database_url(url)
    context = TortoiseContext()
    async with context:
        await context.init(config=tortoise_config(address, pool_size), _enable_global_fallback=True)
        await answer(context, address)
        yield context


async def answer(context: TortoiseContext, address: DatabaseAddress) -> None:
    """Connect. Raises DatabaseAway, with what the server or the system said."""
    try:
        await context.db().execute_query("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBConnectionError) as error:
        reason = str(error) or type(error).__name__
        raise DatabaseAway(
            f"The database {address.database} at {address.host} port {address.port} does not answer: {reason}"
        ) from error


# What tortoise's own command line reads (`tortoise makemigrations`); it connects to nothing.
TORTOISE_ORM = tortoise_config(DatabaseAddress("localhost", 5432, "postgres", None, "postgres"))
