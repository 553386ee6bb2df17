"""What a member reads by itself: results of its document from a mark on, up to now, or some of them.

Those who ask for the same from the same mark at the same moment share it (`domain.shared_reads`): thousands
may come back at once. What is kept in memory of it is little, however much there is to read.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from resolvers.parts import Opening
from schema.live.frames import Frame, body_of
from schema.live.keys import Request
from schema.starling import StarlingSchema

MOST_FRAMES = 100
MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Chunk:
    """`mark` is where it leads to, None for what is no subscription. `is_current` says that there was no more
    by then, `is_over` that there never will be."""

    frames: list[Frame]
    mark: Any
    is_current: bool
    is_over: bool


async def read(schema: StarlingSchema, request: Request, start: Any, only_newest: bool) -> Chunk:
    part = Opening(start=start, only_newest=only_newest)
    frames: list[Frame] = []
    size = 0
    stream = await schema.stream(
        request.text,
        variable_values=request.variables,
        context_value=replace(request.context, part=part),
        operation_name=request.operation_name,
    )
    is_current = True
    async with aclosing(stream):
        async for result in stream:
            body, is_error = body_of(result)
            frames.append(Frame(body, part.mark, is_error))
            size += len(body)
            if is_error or len(frames) >= MOST_FRAMES or size > MOST_BYTES:
                is_current = False
                break
    return Chunk(frames, part.mark, is_current, is_over=part.is_over or part.mark is None)
