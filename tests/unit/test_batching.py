"""Loads of one turn of the loop are one call, and what goes wrong in it reaches everybody who asked."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from typing import Any

import pytest

from resolvers.batching import Batch


class Fetches:
    """Squares even numbers; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    async def __call__(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        await asyncio.sleep(0)
        if 13 in keys:
            raise ValueError("unlucky")
        return {key: key * key for key in keys if key % 2 == 0}


async def test_loads_that_begin_together_are_one_call() -> None:
    fetches = Fetches()
    batch = Batch(fetches)

    async def resolver(key: int) -> int | None:
        return await batch.load(key)

    assert await asyncio.gather(*(resolver(key) for key in (2, 3, 2, 4))) == [4, None, 4, 16]
    assert await batch.load(4) == 16
    assert await batch.load(6) == 36
    assert fetches.asked == [[2, 3, 4], [6]]


async def test_an_error_reaches_each_of_those_who_asked_and_nobody_else() -> None:
    batch = Batch(Fetches())
    failed = await asyncio.gather(batch.load(13), batch.load(2), return_exceptions=True)
    assert [type(error) for error in failed] == [ValueError, ValueError]
    assert await batch.load(4) == 16


async def test_one_failed_load_of_many_keys_is_raised_and_logged_nowhere_else() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    with suppress(ValueError):  # `pytest.raises` would keep it, and so the futures
        await Batch(Fetches()).load_many(range(100))
        pytest.fail("it was not raised")
    await asyncio.sleep(0)
    gc.collect()  # a future complains when it goes
    assert complaints == []


async def test_one_who_gives_up_takes_nobody_along() -> None:
    batch = Batch(Fetches())
    first, second = batch.load(2), batch.load(4)
    first.cancel()
    assert await second == 16
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await batch.load(2) == 4
