"""The services that use cases are given, built from the settings: the same for API processes and workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.events import open_events
from app.media import READERS, MediaPool
from app.models import models_of
from app.refusals import DoesNotStart
from app.settings import Settings
from app.storage import open_files
from app.webhooks import HttpCaller
from db.connection import open_database
from db.migrate import refuse_pending
from domain.ports import Files, Services, Webhooks
from domain.tallies import Tallies
from workers.doorbell import ArqDoorbell


@asynccontextmanager
async def open_services(settings: Settings, *, warm: bool = False) -> AsyncIterator[Services]:
    """Connect to the database and build the services; all is closed when the block ends.

    Redis need not be there: a doorbell that cannot be rung and events that are not heard cost time only.
    Raises DatabaseAway, PendingMigrations, DoesNotStart.
    """
    async with open_database(_url(settings.database_url, "DATABASE_URL"), settings.database_pool):
        await refuse_pending()
        async with assembled(settings, warm=warm) as services:
            yield services


@asynccontextmanager
async def assembled(settings: Settings, *, warm: bool = False) -> AsyncIterator[Services]:
    """The services alone, for a process that is connected to the database already.

    `warm` starts the children for short media work now and not with the first call.
    """
    redis_url = _url(settings.redis_url, "REDIS_URL")
    readers = READERS if settings.api_processes == 1 else 1  # each process has its own, and they are large
    settings.scratch_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tallies = Tallies()
    doorbell = ArqDoorbell(redis_url, tallies)
    try:
        async with (
            open_events(redis_url, tallies) as events,
            MediaPool(readers) as media,
            webhooks_of(settings) as webhooks,
        ):
            if warm:
                media.start()
            yield Services(
                doorbell=doorbell,
                files=stored_files(settings),
                events=events,
                media=media,
                scratch=settings.scratch_folder,
                limits=settings.limits,
                models=models_of(settings),
                public_url=settings.public_url,
                retention_days=settings.retention_days,
                webhooks=webhooks,
                music_provider=settings.music_provider,
                tallies=tallies,
            )
    finally:
        await doorbell.close()


@asynccontextmanager
async def webhooks_of(settings: Settings) -> AsyncIterator[Webhooks | None]:
    """None where no secret is set: nobody could tell our calls from another's, so there are none."""
    if not settings.webhook_keys:
        yield None
        return
    async with HttpCaller(allow_private=settings.webhook_allow_private) as caller:
        yield Webhooks(caller, settings.webhook_keys, settings.webhook_allow_private)


async def check(settings: Settings) -> None:
    """What `open_services` would refuse, said before anything is started."""
    async with open_database(_url(settings.database_url, "DATABASE_URL"), pool_size=1):
        await refuse_pending()
    stored_files(settings)
    models_of(settings)


def stored_files(settings: Settings) -> Files:
    try:
        return open_files(settings.storage_url, settings.files_folder, settings.scratch_folder)
    except (ValueError, OSError) as error:
        raise DoesNotStart(f"The storage cannot be used: {error}.") from error


def _url(url: str | None, name: str) -> str:
    if url is None:
        raise DoesNotStart(f"{name} is not set, and no engines were started.")
    return url
