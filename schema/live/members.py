"""One operation of one socket, from its subscribe to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from contextvars import Context
from typing import TYPE_CHECKING, Any

from domain.belonging import belonging_to
from domain.jobs.pace import Pace
from domain.watching import Mark
from schema.live.chunks import Chunk
from schema.live.frames import COMPLETE, COMPLETE_AFTER_SECONDS, Frame, failed, head_of
from schema.live.keys import Request
from schema.live.writers import Writer
from schema.tallies import ANONYMOUS, EVENTS_SENT, NAMES, RUNNING, SUBSCRIPTION

if TYPE_CHECKING:
    from schema.live.groups import Group
    from schema.live.hub import Hub

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0  # of one who finds nothing new, and no group
MOST_CHARACTERS = 64  # of an operation's id in the log
_LOG = logging.getLogger("starling.graphql")


class Member:
    """It has a task while it reads by itself, and none while it is in a group.

    In a group, `told` is the number of the last frame that it was told or had seen before, and `behind` the
    mark before the first one that its socket did not take: a frame may be large, and be kept nowhere else.
    Its own mark is kept until it has seen exactly what the group has.
    """

    __slots__ = (
        "_has_failed",
        "_hub",
        "_is_counted",
        "_mark",
        "_surroundings",
        "_when_over",
        "_writer",
        "behind",
        "group",
        "head",
        "id",
        "request",
        "task",
        "told",
    )

    def __init__(
        self,
        hub: Hub,
        id: str,
        request: Request,
        writer: Writer,
        surroundings: Context,
        when_over: Callable[[Member], object],
    ) -> None:
        self.id = id
        self.request = request
        self.head = head_of(id)
        self.group: Group | None = None
        self.told = 0
        self.behind: Mark | None = None
        self.task: asyncio.Task[None] | None = None
        self._has_failed = False  # since a group told it something
        self._hub = hub
        self._mark: Mark | None = None
        self._writer = writer
        self._surroundings = surroundings  # of its socket: what it does later belongs to that
        self._when_over = when_over
        self._is_counted = False
        self._read_alone(None, only_newest=False)

    def close(self) -> None:
        """Its client or its socket has gone: nothing is sent any more."""
        if self.task is not None:
            self.task.cancel()
        self._writer.forget(self)
        self._leave()
        self._count(False)

    def joins(self, group: Group, mark: Mark, told: int) -> None:
        self.group, self._mark, self.told = group, mark, told
        self.request = group.request  # the same in other words: many share one

    def take(self, frame: Frame) -> bool:
        """Be told a frame of the group; False where it was not sent, now or at all."""
        mark = self._mark
        if mark is not None:
            if mark.has_seen(frame.mark):
                self.told = frame.number
                return False
            if not mark.meets(frame.mark):
                self._leave()
                self._read_alone(mark, only_newest=False)
                return False
        if not self._writer.write_now(self.head, frame.body):
            self.behind = frame.before
            self._writer.wait(self)
            return False
        self.told = frame.number
        self._mark = None
        self._has_failed = False
        return True

    def resume(self) -> None:
        """The socket takes bytes again: go on where that was, or where all are by now if it was too long."""
        start = self._seen()
        self.behind = None
        if self.group is None or not self.group.catch_up(self):
            self._leave()
            self._read_alone(start, only_newest=True)

    def go_on_alone(self) -> None:
        """What served it failed: it reads by itself from there on. If that comes again before any group told
        it more, its client hears of it."""
        start = self._seen()
        self.behind = None
        self._writer.forget(self)
        self._leave()
        if self.task is None:
            task = self._give_up() if self._has_failed else self._reading(start, only_newest=False)
            self._has_failed = True
            self._begin(task)

    def ends(self, body: bytes) -> None:
        """The group has ended. Whoever is behind reads the rest by himself, and so the end."""
        if self.behind is None:
            if self._writer.write_now(self.head, body):
                self._finish()
                return
            self._writer.wait(self)
        self._mark = self._seen()
        self._leave()

    def _seen(self) -> Mark | None:
        """The mark of all that it was told."""
        if self._mark is not None:
            return self._mark
        if self.behind is not None:
            return self.behind
        return None if self.group is None else self.group.mark

    def _read_alone(self, start: Any, *, only_newest: bool) -> None:
        self._begin(self._reading(start, only_newest))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.task = asyncio.create_task(work, name="live-member", context=self._surroundings.copy())

    async def _give_up(self) -> None:
        """Nothing could serve it: that is not the end that it asked for."""
        try:
            await self._send_last(failed())
        except OSError:
            return  # the socket is over
        except Exception:
            _LOG.exception("a client could not be told that its operation failed")
            self._finish()

    async def _reading(self, start: Any, only_newest: bool) -> None:
        with belonging_to(operation_id=self.id[:MOST_CHARACTERS]):
            try:
                await self._read(start, only_newest)
            except OSError:
                return  # the socket is over; whoever serves it will close this
            except Exception:
                _LOG.exception("an operation of a socket failed")
                await self._give_up()
            finally:
                if self.task is asyncio.current_task():
                    self.task = None

    async def _read(self, start: Any, only_newest: bool) -> None:
        """Up to where its group is, or to the end. Who finds nothing and may not join waits a while: whatever
        is wrong with a mark, the database is not asked in a loop."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            self.request = self._hub.lean(self.request)
            async with aclosing(self._hub.read(self.request, start, only_newest)) as chunks:
                async for chunk in chunks:
                    start, only_newest = await self._send(chunk)
                    await asyncio.sleep(0)  # other work has its turn: the next may be there at once
                    if only_newest:
                        break
            if chunk.ending is not None:
                if chunk.ending is COMPLETE:
                    await asyncio.sleep(COMPLETE_AFTER_SECONDS)
                await self._send_last(chunk.ending)
                return
            if chunk.is_current and not only_newest and self._hub.join(self, start):
                return
            if chunk.frames:
                pause = FIRST_PAUSE_SECONDS
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _send(self, chunk: Chunk) -> tuple[Any, bool]:
        """Where to go on; and whether only with the newest, since its socket takes too long."""
        self._count(self._hub.is_live(self.request, chunk))
        pace = Pace()
        for frame in chunk.frames:
            await self._hub.turns.wait(len(frame.body))
            await self._writer.write_in_turn(self.head, frame.body)
            self._sent()
            if frame.mark is not None and chunk.ending is None and pace.is_slow():
                return frame.mark, True
        return chunk.mark, False

    async def _send_last(self, body: bytes) -> None:
        await self._writer.write_in_turn(self.head, body)
        self._finish()

    def _finish(self) -> None:
        self._leave()
        self._count(False)
        self._when_over(self)

    def _leave(self) -> None:
        group, self.group = self.group, None
        if group is not None:
            group.remove(self)

    def _sent(self) -> None:
        if self._is_counted:
            tallies = self.request.context.services.tallies
            shape = self._hub.shape(self.request)
            name = ANONYMOUS if shape is None else shape.name
            tallies.add(EVENTS_SENT, tallies.known(NAMES, name))

    def _count(self, is_live: bool) -> None:
        """Among the subscriptions that run."""
        if is_live is not self._is_counted:
            self._is_counted = is_live
            self.request.context.services.tallies.move(RUNNING, 1 if is_live else -1, SUBSCRIPTION)
