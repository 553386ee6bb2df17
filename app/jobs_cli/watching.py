"""`starling jobs watch`: the same updates that the API streams, as long as one looks.

A database that goes away is waited for, and the watching goes on from the same place. Without Redis
everything still arrives, only some seconds later. `app.jobs_cli.minding` says so.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

from app.jobs_cli import words
from app.jobs_cli.minding import mind_database, mind_reader, mind_redis
from app.jobs_cli.session import Session, is_outage
from app.jobs_cli.views import View, view_of
from domain import jobs
from domain.errors import NotFound
from domain.jobs import ENDED, JobUpdate

PAUSE_SECONDS = 1.0

Begin = Callable[[str | None], AsyncIterator[JobUpdate]]


async def watch_jobs(session: Session, arguments: Namespace) -> int:
    """0 if every job that was named is completed."""
    named = {(await jobs.by_prefix(session.viewer, text)).id for text in arguments.ids}
    idle = "Waiting for a job; Ctrl-C ends this." if not named else "Waiting."
    with view_of(session.out, session.errors, as_json=arguments.json, idle=idle) as view:
        watching = Watching(session, view)
        work = watching.until_ended(sorted(named)) if named else watching.everything()
        beside = mind_reader(session), mind_redis(session, view), mind_database(view)
        return await _first_of(work, *beside)


async def _first_of(*works: Coroutine[Any, Any, int]) -> int:
    """The outcome of whichever ends first; the others are cancelled."""
    tasks = {asyncio.create_task(work) for work in works}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Watching:
    def __init__(self, session: Session, view: View) -> None:
        self._session = session
        self._view = view

    async def until_ended(self, ids: Sequence[UUID]) -> int:
        tasks = [asyncio.create_task(self._one(job_id)) for job_id in ids]
        try:
            outcomes = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return 0 if set(outcomes) == {"COMPLETED"} else 1

    async def everything(self) -> int:
        viewer, services = self._session.viewer, self._session.services
        async for update in self._lasting(
            lambda after: jobs.watch_all(viewer, None, after, services=services)
        ):
            self._view.show(update)
        return 0

    async def _one(self, job_id: UUID) -> str | None:
        """The state in which it ended; None where it was removed before."""
        viewer, services = self._session.viewer, self._session.services
        try:
            async for update in self._lasting(
                lambda after: jobs.watch(viewer, job_id, after, services=services)
            ):
                self._view.show(update)
                if update.status in ENDED:
                    return update.status
        except NotFound:
            pass
        self._view.forget(job_id)
        self._view.say(f"Job {words.short(job_id)} was removed.")
        return None

    async def _lasting(self, begin: Begin) -> AsyncIterator[JobUpdate]:
        """The updates; one that could not begin, the database being away, begins behind the last one."""
        cursor: str | None = None
        while True:
            try:
                async for update in begin(cursor):
                    cursor = update.cursor
                    yield update
                return
            except Exception as error:
                if not is_outage(error):
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
