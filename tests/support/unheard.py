"""A settlement that is committed, and whose worker never hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from db import job_moves, job_rows
from db.jobs import Job


@dataclass
class Unheard:
    """What each `complete` answered within its transaction; `happened` once the first one is committed."""

    answers: list[Job | None] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)


def first_settlement_unheard(
    monkeypatch: pytest.MonkeyPatch, *then: Callable[[], Awaitable[None]]
) -> Unheard:
    """From now on: the first transaction that completes a job is committed, what is given happens, and then
    the connection breaks for who made it."""
    unheard = Unheard()
    complete, begin = job_moves.complete, job_rows.IN_TRANSACTION

    async def noted(*given: object, **named: object) -> Job | None:
        unheard.answers.append(await complete(*given, **named))  # type: ignore[arg-type]
        return unheard.answers[-1]

    class Cut:
        def __init__(self) -> None:
            self.real = begin()

        async def __aenter__(self) -> object:
            return await self.real.__aenter__()

        async def __aexit__(self, *given: object) -> None:
            await self.real.__aexit__(*given)
            if not unheard.answers or unheard.happened.is_set():
                return
            unheard.happened.set()
            for each in then:
                await each()
            raise ConnectionError("the answer was lost")

    monkeypatch.setattr(job_moves, "complete", noted)
    monkeypatch.setattr(job_rows, "IN_TRANSACTION", Cut)
    return unheard
