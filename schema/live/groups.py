"""Identical subscriptions: the document is executed once for all of them, and each result written once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from domain.belonging import belonging_to_nobody
from resolvers.parts import Following
from schema.live.frames import COMPLETE, COMPLETE_AFTER_SECONDS, Frame, body_of
from schema.live.keys import Key, Request
from schema.tallies import ANONYMOUS, EVENTS_SENT, NAMES

if TYPE_CHECKING:
    from schema.live.hub import Hub
    from schema.live.members import Member

KEPT_FRAMES = 4  # for whoever joins a little late
MOST_FRAMES = 64  # while a member is behind
MOST_BYTES = 256 * 1024
_LOG = logging.getLogger("starling.graphql")


class Group:
    """It begins at the mark of its first member, and its task ends with the last one.

    What was sent lately is kept: a member whose socket took nothing for a while is told all of it, and one
    that joins may be as far behind. Whoever misses more reads by himself.
    """

    def __init__(self, hub: Hub, key: Key, request: Request, mark: Any, name: str | None) -> None:
        self.key = key
        self.request = request
        self.mark = mark
        self.members: dict[Member, None] = {}
        self._hub = hub
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._count = 0
        self._tallies = request.context.services.tallies
        self._name = ANONYMOUS if name is None else self._tallies.known(NAMES, name)
        with belonging_to_nobody():
            self.task = asyncio.create_task(self._run(), name="live-group")

    def admit(self, member: Member, mark: Any) -> bool:
        """In step from the first frame on that the mark has not seen; False where frames may be missing."""
        if not mark.covers(self._frames[0].before if self._frames else self.mark):
            return False
        self.members[member] = None
        member.joins(self, mark, self._count - len(self._frames))
        self.catch_up(member)
        return True

    def catch_up(self, member: Member) -> bool:
        """Tell what is kept and was not told yet; False where more was missed."""
        if member.told < self._count - len(self._frames):
            return False
        told = 0
        for frame in tuple(self._frames):
            if frame.number > member.told and member.group is self and member.behind is None:
                told += self._take(member, frame)
        self._sent(told)
        return True

    def remove(self, member: Member) -> None:
        del self.members[member]
        if not self.members:
            self.close()

    def close(self) -> None:
        """Nobody is left, or nobody came."""
        self._hub.drop(self)
        if not self.task.done():
            self.task.cancel()
            self._hub.await_end(self.task)

    async def _run(self) -> None:
        part = Following(mark=self.mark)
        context = replace(self.request.context, part=part)
        ending: bytes | None = COMPLETE
        try:
            stream = await self._hub.schema.stream(
                self.request.text,
                variable_values=self.request.variables,
                context_value=context,
                operation_name=self.request.operation_name,
            )
            async with aclosing(stream):
                async for result in stream:
                    await self._hub.turns.wait()  # one event may have woken any number of groups
                    body, is_error = body_of(result)
                    if is_error:
                        ending = body
                        break
                    await self._tell(self._next(body, part.mark))
            if ending is COMPLETE:
                await asyncio.sleep(COMPLETE_AFTER_SECONDS)
        except Exception:
            _LOG.exception("a group of subscriptions failed")
            ending = None
        await self._end(ending)

    def _next(self, body: bytes, mark: Any) -> Frame:
        self._count += 1
        frame = Frame(body, mark, before=self.mark, number=self._count)
        self.mark = mark
        self._frames.append(frame)
        self._bytes += len(body)
        return frame

    async def _tell(self, frame: Frame) -> None:
        """Everybody, a turn's worth at a time."""
        told, is_anyone_behind = 0, False
        members, size = tuple(self.members), len(frame.body)
        at = 0
        while at < len(members):
            share = await self._hub.turns.share(len(members) - at, size)
            for member in members[at : at + share]:
                if member.group is self and member.told < frame.number:
                    if member.behind is None:
                        told += self._take(member, frame)
                    is_anyone_behind = is_anyone_behind or member.behind is not None
            at += share
        self._sent(told)
        self._forget(MOST_FRAMES if is_anyone_behind else KEPT_FRAMES)

    def _forget(self, most: int) -> None:
        while len(self._frames) > 1 and (len(self._frames) > most or self._bytes > MOST_BYTES):
            self._bytes -= len(self._frames.popleft().body)

    def _take(self, member: Member, frame: Frame) -> bool:
        """What goes wrong with one member is not the others' business."""
        try:
            return member.take(frame)
        except Exception:
            _LOG.exception("a member of a group could not be told")
            member.go_on_alone()
            return False

    async def _end(self, body: bytes | None) -> None:
        """Without a last message it failed, and its members go on by themselves."""
        self._hub.drop(self)
        turns = self._hub.turns
        for member in tuple(self.members):
            if not turns.is_now():
                await turns.wait()
            if member.group is self:
                self._end_of(member, body)

    def _end_of(self, member: Member, body: bytes | None) -> None:
        try:
            if body is not None:
                member.ends(body)
                return
        except Exception:
            _LOG.exception("a member of a group could not be told its end")
        member.go_on_alone()

    def _sent(self, told: int) -> None:
        if told:
            self._tallies.add(EVENTS_SENT, self._name, amount=told)
