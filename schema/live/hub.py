"""Which groups of identical subscriptions there are in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any

from schema.live import chunks
from schema.live.chunks import Chunk
from schema.live.groups import Group
from schema.live.keys import Key, Request, Shape, shape_of
from schema.live.members import Member
from schema.live.turns import Turns
from schema.starling import StarlingSchema
from schema.tallies import GROUPS

MOST_SHAPES = 1_000
SETTLE_SECONDS = 2.0
LONGEST_KEPT = 10_000  # characters of a document whose shape is kept


class Hub:
    """One for a schema. All that it does happens in one event loop."""

    def __init__(self, schema: StarlingSchema) -> None:
        self.schema = schema
        self.turns = Turns()
        self.groups: dict[Key, Group] = {}
        self._shapes: dict[tuple[str, str | None], Shape] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def read(self, request: Request, start: Any, only_newest: bool) -> AsyncGenerator[Chunk, None]:
        """What a member reads by itself: with others what is watched in parts, else as it comes."""
        shape, request = self.shape(request), self.lean(request)
        if shape is not None and shape.is_in_parts:
            asked = Key.of(request, () if start is None else shape.cursors)
            key = ("chunk", id(self), asked, start, only_newest)
            reads = request.context.services.reads
            yield await reads.read(key, lambda: chunks.shared(self.schema, request, start, only_newest))
            return
        async with aclosing(chunks.alone(self.schema, request, start, only_newest)) as own:
            async for chunk in own:
                yield chunk

    def is_live(self, request: Request, chunk: Chunk) -> bool:
        """Whether who reads this is one of the subscriptions that run: nothing is that could not begin."""
        shape = self.shape(request)
        has_begun = chunk.mark is not None or bool(chunk.frames)
        return has_begun and shape is not None and shape.is_subscription

    def join(self, member: Member, mark: Any) -> bool:
        """Let a member go on with those who asked for the same. False where they may be ahead of the mark."""
        shape, request = self.shape(member.request), self.lean(member.request)
        key = Key.of(request, shape.cursors if shape else ())
        group = self.groups.get(key)
        if group is None:
            name = shape.name if shape else request.operation_name
            group = self.groups[key] = Group(self, key, request, mark, name)
            request.context.services.tallies.move(GROUPS, 1)
        is_in = group.admit(member, mark)
        if not group.members:
            group.close()
        return is_in

    def drop(self, group: Group) -> None:
        """It takes no more members; whoever asks for the same makes a new one."""
        if self.groups.get(group.key) is group:
            del self.groups[group.key]
            group.request.context.services.tallies.move(GROUPS, -1)

    def await_end(self, task: asyncio.Task[None]) -> None:
        """Of a group's task that was cancelled: nothing else holds it."""
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def settle(self, groups: Collection[Group]) -> None:
        """Until those that have no members any more have ended, or for a while: a query may hang."""
        tasks = {group.task for group in groups if not group.members} & self._ending
        if tasks:
            await asyncio.wait(tasks, timeout=SETTLE_SECONDS)

    def lean(self, request: Request) -> Request:
        """Without variables that its operation does not declare, as soon as that is known."""
        shape = self.shape(request)
        return request if shape is None else request.with_only(shape.declared)

    def shape(self, request: Request) -> Shape | None:
        """None for a document that is not known, or not any more: its first reader makes it known."""
        place = (request.text, request.operation_name)
        shape = self._shapes.get(place)
        if shape is None:
            document = self.schema.documents.find(request.text)
            if document is None:
                return None
            shape = shape_of(document.tree, request.operation_name, self.schema.core)
            if len(request.text) <= LONGEST_KEPT:
                if len(self._shapes) >= MOST_SHAPES:
                    self._shapes.clear()
                self._shapes[place] = shape
        return shape
