"""`starling jobs watch`: the same updates that the API streams, as long as one looks.

A database that goes away is said, and the watching goes on from the same place when it is back. Without
Redis everything still arrives, only some seconds later.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any
from uuid import UUID

from app.events import RedisEvents
from app.jobs_cli import words
from app.jobs_cli.screen import ReaderLeft
from app.jobs_cli.session import Session, is_outage
from app.jobs_cli.views import View, view_of
from domain import jobs
from domain.errors import NotFound
from domain.jobs import ENDED, JobUpdate

LOOK_SECONDS = 0.5
PAUSE_SECONDS = 1.0  # between two looks whether the database is back
ANSWER_SECONDS = 5.0
REDIS_GRACE_SECONDS = 3.0  # to connect to it, at first and after a moment's break

Begin = Callable[[str | None], AsyncIterator[JobUpdate]]


async def watch_jobs(session: Session, arguments: Namespace) -> int:
    """0 if every job that was named is completed."""
    named = {(await jobs.by_prefix(session.viewer, text)).id for text in arguments.ids}
    idle = "Waiting for a job; Ctrl-C ends this." if not named else "Waiting."
    with view_of(session.out, session.errors, as_json=arguments.json, idle=idle) as view:
        watching = Watching(session, view)
        if named:
            return await _first_of(watching.until_ended(sorted(named)), watching.mind())
        return await _first_of(watching.everything(), watching.mind())


async def _first_of(work: Coroutine[Any, Any, int], beside: Coroutine[Any, Any, int]) -> int:
    """The outcome of whichever ends first; the other is cancelled."""
    tasks = {asyncio.create_task(work), asyncio.create_task(beside)}
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
        self._is_away = False

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

    async def mind(self) -> int:
        """Notice that nobody reads any more, and say that Redis comes and goes. Raises ReaderLeft."""
        events = self._session.services.events
        quiet_since, is_said = asyncio.get_running_loop().time(), False
        while True:
            if not self._session.out.has_reader():
                raise ReaderLeft
            now = asyncio.get_running_loop().time()
            if not isinstance(events, RedisEvents) or events.is_listening.is_set():
                quiet_since = now
                if is_said:
                    self._view.say("Redis is back.")
                    is_said = False
            elif not is_said and now - quiet_since > REDIS_GRACE_SECONDS:
                self._view.say("Redis does not answer: changes are shown up to five seconds late.")
                is_said = True
            await asyncio.sleep(LOOK_SECONDS)

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
        """The updates, taken up again behind the last one when the database was away."""
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
                if not self._is_away:
                    self._is_away = True
                    self._view.say("The database does not answer; waiting for it.")
            await self._until_back()

    async def _until_back(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await jobs.queue_stats(self._session.viewer)
            except Exception as error:
                if not is_outage(error):
                    raise
                continue
            if self._is_away:
                self._is_away = False
                self._view.say("The database answers again.")
            return
