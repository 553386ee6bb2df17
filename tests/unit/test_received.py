"""What came for an application is read in order, whoever stops reading."""

from __future__ import annotations

import asyncio

from app.received import Received


async def test_messages_are_read_in_order_before_and_after_they_come() -> None:
    received = Received[int]()
    for number in range(3):
        received.put_nowait(number)
    assert [await received.get() for _ in range(3)] == [0, 1, 2]
    assert received.empty()
    reading = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    received.put_nowait(3)
    received.put_nowait(4)
    assert await reading == 3
    assert not received.empty()
    assert await received.get() == 4


async def test_a_reader_that_is_cancelled_takes_nothing_along() -> None:
    received = Received[int]()
    cancelled, other = (asyncio.create_task(received.get()) for _ in range(2))
    await asyncio.sleep(0)
    received.put_nowait(1)
    cancelled.cancel()
    assert await other == 1
    assert received.empty()
    late = asyncio.create_task(received.get())
    await asyncio.sleep(0)
    late.cancel()
    received.put_nowait(2)
    assert await received.get() == 2
    await asyncio.wait([cancelled, late])
    assert cancelled.cancelled()
    assert late.cancelled()


async def test_of_many_readers_each_has_one() -> None:
    received = Received[int]()
    readers = [asyncio.create_task(received.get()) for _ in range(5)]
    await asyncio.sleep(0)
    for number in range(5):
        received.put_nowait(number)
    assert sorted(await asyncio.gather(*readers)) == [0, 1, 2, 3, 4]
