"""What a member reads by itself: results of its document from a mark on, up to now, or some of them.

Those who ask for the same from the same mark at the same moment share one chunk (`domain.shared_reads`):
thousands may come back at once. What is kept in memory of it is little, however much there is to read.

What is not known to be watched in parts comes to its one member as it is made: each result is a chunk of its
own, and the next is not asked for before the last was taken.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from resolvers.parts import Opening
from schema.live.frames import COMPLETE, Frame, body_of
from schema.live.keys import Request
from schema.starling import StarlingSchema

MOST_FRAMES = 100
MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Chunk:
    """`mark` is where it leads to, None for what is not watched in parts. `is_current` says that there was no
    more by then; `ending` is the last message of the operation, if this is all that there will ever be."""

    frames: list[Frame] = field(default_factory=list)
    mark: Any = None
    is_current: bool = False
    ending: bytes | None = None


async def shared(schema: StarlingSchema, request: Request, start: Any, only_newest: bool) -> Chunk:
    """In one piece, for all who want it."""
    frames: list[Frame] = []
    size = 0
    async with aclosing(alone(schema, request, start, only_newest)) as chunks:
        async for chunk in chunks:
            frames += chunk.frames
            size += sum(len(frame.body) for frame in chunk.frames)
            if len(frames) >= MOST_FRAMES or size > MOST_BYTES:
                break
    return replace(chunk, frames=frames)


async def alone(
    schema: StarlingSchema, request: Request, start: Any, only_newest: bool
) -> AsyncGenerator[Chunk, None]:
    """As it comes, for one; at least one chunk."""
    part = Opening(start=start, only_newest=only_newest)
    stream = await schema.stream(
        request.text,
        variable_values=request.variables,
        context_value=replace(request.context, part=part),
        operation_name=request.operation_name,
    )
    async with aclosing(stream):
        async for result in stream:
            body, is_error = body_of(result)
            if is_error:
                yield Chunk(mark=part.mark, ending=body)
                return
            yield Chunk([Frame(body, part.mark)], part.mark)
    yield Chunk(
        [], part.mark, is_current=True, ending=COMPLETE if part.is_over or part.mark is None else None
    )
