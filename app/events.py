"""Nudges between processes over one Redis channel, and the documented Redis surface of jobs.

Each process holds one subscription connection, whatever the number of its subscribers, and fans out in
memory. A nudge carries topics and nothing else: losing one costs a subscriber the time until it looks by
itself. After every (re)connection all subscribers are woken, since nudges may have been missed. Nobody waits
for what is sent to arrive: what is told soon after the last lot goes out as the next one, in order.
Nothing here raises when Redis is away: for a second nothing is sent then. Nudges of that time are lost, but
the newest change of each documented job is kept and sent when Redis takes it again: nobody would repair it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from app.redis_surface import AT_ONCE, Change, Unsent
from domain.tallies import Level, Tallies

CHANNEL = "starling:nudges"
ANSWER_SECONDS = 0.25
CONNECT_SECONDS = 1.0
SUBSCRIBE_SECONDS = 2.0  # until Redis has confirmed it, connecting included
AWAY_SECONDS = 1.0
MOST_CONNECTIONS = 16
PING_SECONDS = 5.0
LOT_SECONDS = 0.005  # what is told within it of the last lot goes out together
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
UNSUBSCRIBED = Level(
    "starling_redis_subscriptions_down", "API processes that no nudge reaches: updates come each 5 s"
)

log = logging.getLogger(__name__)
# uvloop has a RuntimeError for whoever writes to a connection that was cut in this turn of the loop
Away = (RedisError, OSError, TimeoutError, RuntimeError)


class TopicSubscription:
    """One subscriber of one topic, within its `async with`: however many nudges came, it wakes once."""

    def __init__(self, topic: str, topics: dict[str, set[TopicSubscription]]) -> None:
        self._topic = topic
        self._topics = topics
        self._woken = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._topics.setdefault(self._topic, set()).add(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        others = self._topics.get(self._topic, set())
        others.discard(self)
        if not others:
            self._topics.pop(self._topic, None)

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, timeout_seconds: float) -> bool:
        """True when something changed, False when the time was up."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class RedisEvents:
    """`domain.ports.Events` over Redis. Use `open_events`."""

    def __init__(self, url: str, tallies: Tallies | None = None) -> None:
        self._commands = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                socket_connect_timeout=ANSWER_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                max_connections=MOST_CONNECTIONS,
                timeout=ANSWER_SECONDS,
            )
        )
        self._listener = Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)
        self._tallies = Tallies() if tallies is None else tallies
        self._origin = uuid4().hex
        self._topics: dict[str, set[TopicSubscription]] = {}
        self._away_until = 0.0
        self._nudged: dict[str, None] = {}
        self._changes: list[Change] = []
        self._unsent = Unsent()
        self._has_more = asyncio.Event()
        self._is_closing = False
        self._unheard_since = time.monotonic()
        self.is_listening = asyncio.Event()
        self._tallies.move(UNSUBSCRIBED, 1)

    async def nudge(self, *topics: str) -> None:
        """Wake the subscribers of the topics, in this process at once and in the others through Redis."""
        self._wake(topics)
        if not self._is_away:
            self._nudged.update(dict.fromkeys(topics))
            self._has_more.set()

    async def publish_job(self, job: Any, *, stage: str | None, change: str) -> None:
        self._changes.append(Change.of(job, stage, change))
        self._has_more.set()

    def subscribe(self, topic: str) -> TopicSubscription:
        return TopicSubscription(topic, self._topics)

    @property
    def subscriber_count(self) -> int:
        return sum(len(subscribers) for subscribers in self._topics.values())

    @property
    def unsent_count(self) -> int:
        """Jobs whose newest change Redis has not taken."""
        return len(self._unsent)

    @property
    def unheard_seconds(self) -> float:
        return 0.0 if self.is_listening.is_set() else time.monotonic() - self._unheard_since

    async def listen(self) -> None:
        """Hear what other processes nudge, for ever."""
        pause = SHORTEST_PAUSE_SECONDS
        while True:
            try:
                async with self._listener.pubsub() as channel:
                    await self._subscribe(channel)
                    self._wake(list(self._topics))
                    pause = SHORTEST_PAUSE_SECONDS
                    await self._hear(channel)
            except Away as error:
                level = logging.WARNING if pause == SHORTEST_PAUSE_SECONDS else logging.DEBUG
                log.log(level, "live events: Redis is away (%s)", type(error).__name__)
            except Exception:  # nobody else would begin again
                log.exception("live events: nothing is heard for a moment")
            finally:
                self._lost()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def send(self) -> None:
        """Send what is told, lot after lot, until `finish`."""
        while not self._is_closing or self._has_more.is_set() or self._due_at <= time.monotonic():
            await self._more()
            await self._send_lot()
            await asyncio.sleep(LOT_SECONDS)

    def finish(self) -> None:
        """`send` returns once the rest is sent, or was refused once more, or Redis does not answer."""
        self._is_closing = True
        self._away_until = 0.0
        self._unsent.make_due(time.monotonic())
        self._has_more.set()

    async def close(self) -> None:
        for client in (self._commands, self._listener):
            with contextlib.suppress(*Away):
                await client.aclose()

    async def _subscribe(self, channel: Any) -> None:
        """Raises one of `Away` where Redis does not say in time that it has the subscription."""
        # No `socket_timeout`: with it redis-py writes in `wait_for`, which can swallow our cancel.
        async with asyncio.timeout(SUBSCRIBE_SECONDS):
            await channel.subscribe(CHANNEL)
            await channel.get_message(timeout=None)
        self._tallies.move(UNSUBSCRIBED, -1)
        self.is_listening.set()

    def _lost(self) -> None:
        if self.is_listening.is_set():
            self._tallies.move(UNSUBSCRIBED, 1)
            self._unheard_since = time.monotonic()
            self.is_listening.clear()

    async def _hear(self, channel: Any) -> None:
        is_asked = False
        while True:
            message = await channel.get_message(timeout=PING_SECONDS)
            if message is None:
                if is_asked:
                    raise TimeoutError("no answer to a ping")
                await channel.ping()
                is_asked = True
                continue
            is_asked = False
            if message["type"] == "message":
                origin, *topics = message["data"].decode(errors="replace").split("\n")
                if origin != self._origin:
                    self._wake(topics)

    def _wake(self, topics: list[str] | tuple[str, ...]) -> None:
        for topic in topics:
            for subscription in self._topics.get(topic, ()):
                subscription.wake()

    @property
    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    @property
    def _due_at(self) -> float:
        """When something unsent is to be tried again; infinite where nothing is."""
        return max(self._unsent.due_at, self._away_until)

    async def _more(self) -> None:
        """Until there is something new, or it is time to try again what could not be sent."""
        seconds = self._due_at - time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds if seconds < math.inf else None):
                await self._has_more.wait()
        self._has_more.clear()

    async def _send_lot(self) -> None:
        """What is told and what is due again. Of changes, what Redis does not take is kept."""
        was_behind = bool(self._unsent)
        changes, self._changes = self._changes, []
        topics, self._nudged = self._nudged, {}
        if self._is_away:
            self._unsent.keep(changes, self._away_until)
        else:
            due = self._unsent.take(AT_ONCE, time.monotonic())
            left = await self._send_all([*due, *changes], topics)
            # At the end nothing is tried for ever.
            self._unsent.keep(left, math.inf if self._is_closing else time.monotonic() + AWAY_SECONDS)
        if was_behind != bool(self._unsent):
            log.warning("live events: Redis %s", "has caught up" if was_behind else "is behind the jobs")

    async def _send_all(self, changes: list[Change], topics: Iterable[str]) -> list[Change]:
        """Within `ANSWER_SECONDS`; what Redis did not take comes back. Without an answer it is away."""
        lot = self._commands.pipeline(transaction=False)
        for change in changes:
            change.add_to(lot)
        if topics:
            lot.publish(CHANNEL, "\n".join([self._origin, *topics]))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answers = await lot.execute(raise_on_error=False)
        except Away:
            self._away_until = time.monotonic() + AWAY_SECONDS
            return changes
        except Exception:
            log.exception("live events: one lot was not sent")  # those to come must be
            return changes
        # One answer may be an error, as of a Redis that is full or has become a replica.
        return [
            change for change, answer in zip(changes, answers, strict=False) if isinstance(answer, Exception)
        ]


@asynccontextmanager
async def open_events(redis_url: str, tallies: Tallies | None = None) -> AsyncIterator[RedisEvents]:
    """Events that listen until the block ends. Redis need not be there yet."""
    events = RedisEvents(redis_url, tallies)
    listening = asyncio.create_task(events.listen(), name="live-events")
    sending = asyncio.create_task(events.send(), name="live-events-out")
    try:
        yield events
    finally:
        events.finish()
        listening.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)
        await events.close()
