"""What `starling jobs watch` minds beside the jobs: who reads it, and whether database and Redis are there.

The watching itself goes on through every outage by itself; a person who waits is told why nothing moves.
"""

from __future__ import annotations

import asyncio
from typing import Never

from app.events import RedisEvents
from app.jobs_cli.screen import ReaderLeft
from app.jobs_cli.session import Session, is_outage
from app.jobs_cli.views import View
from db import sql

LOOK_SECONDS = 0.5
ANSWER_SECONDS = 5.0
REDIS_GRACE_SECONDS = 3.0  # to connect to it, at first and after a moment's break


async def mind_reader(session: Session) -> Never:
    """Raises ReaderLeft when nobody reads any more."""
    while True:
        if not session.out.has_reader():
            raise ReaderLeft
        await asyncio.sleep(LOOK_SECONDS)


async def mind_redis(session: Session, view: View) -> Never:
    """Say that Redis went, and that it is back."""
    events, clock = session.services.events, asyncio.get_running_loop().time
    quiet_since, is_said = clock(), False
    while True:
        if not isinstance(events, RedisEvents) or events.is_listening.is_set():
            quiet_since = clock()
            if is_said:
                view.say("Redis is back.")
                is_said = False
        elif not is_said and clock() - quiet_since > REDIS_GRACE_SECONDS:
            view.say("Redis does not answer: changes are shown up to five seconds late.")
            is_said = True
        await asyncio.sleep(LOOK_SECONDS)


async def mind_database(view: View) -> Never:
    """Say that the database went, and that it is back."""
    is_away = False
    while True:
        was_away, is_away = is_away, not await _answers()
        if is_away and not was_away:
            view.say("The database does not answer; waiting for it.")
        if was_away and not is_away:
            view.say("The database answers again.")
        await asyncio.sleep(LOOK_SECONDS)


async def _answers() -> bool:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await sql.now()
    except Exception as error:
        if not is_outage(error):
            raise
        return False
    return True
