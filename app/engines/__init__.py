"""PostgreSQL and Redis inside of this installation, for those who configured neither.

`open_engines` starts them as children of this process and stops them at the end of the block; they do
not outlive this process, however it ends. They listen on unix sockets only, in a folder that nobody
else can enter, so they need no password and no port.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.engines.binaries import postgres_folder, redis_server
from app.engines.errors import EngineError
from app.engines.home import Addresses, Home, no_socket_folder, socket_bases, socket_folder
from app.engines.identity import Identity
from app.engines.postgres import Postgres
from app.engines.redis import Redis

__all__ = ["Addresses", "EngineError", "Engines", "Home", "Identity", "Postgres", "Redis", "open_engines"]


@dataclass(frozen=True)
class Engines:
    """What runs in a home that this process owns. An engine that a URL replaces is None."""

    home: Home
    postgres: Postgres | None
    redis: Redis | None
    addresses: Addresses

    def parts(self) -> list[Postgres | Redis]:
        return [part for part in (self.postgres, self.redis) if part is not None]


@contextmanager
def open_engines(
    home: Home,
    *,
    database_url: str | None = None,
    redis_url: str | None = None,
    postgres_settings: Mapping[str, str] | None = None,
    identities: list[Identity] | None = None,
) -> Iterator[Engines]:
    """Own the home and run in it what no URL replaces ("" is an engine that is not needed). From the main
    thread only.

    `postgres_settings` and `identities` replace what is found by itself. Raises EngineError.
    """
    with home.owned(), ExitStack() as stack:
        postgres = redis = None
        if database_url is None:
            postgres = Postgres(home, postgres_folder(), identities, postgres_settings)
            stack.callback(shutil.rmtree, postgres.sockets, ignore_errors=True)
            stack.callback(postgres.stop)
            postgres.start()
        if redis_url is None:
            redis = Redis(home, redis_server(), _sockets(home, postgres))
            stack.callback(shutil.rmtree, redis.sockets, ignore_errors=True)
            stack.callback(redis.stop)
            redis.start()
        engines = Engines(
            home,
            postgres,
            redis,
            Addresses(
                database_url or (postgres.url if postgres else ""), redis_url or (redis.url if redis else "")
            ),
        )
        for part in engines.parts():
            part.wait_until_ready()
        home.announce(engines.addresses)
        yield engines


def _sockets(home: Home, postgres: Postgres | None) -> Path:
    if postgres is not None:
        return postgres.sockets
    for base in socket_bases():
        return socket_folder(base, home.digest, os.geteuid(), os.getegid())
    raise no_socket_folder()
