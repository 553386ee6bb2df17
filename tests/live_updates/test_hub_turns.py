"""However much is due at once, the loop of a process is given to others in between."""

from __future__ import annotations

import asyncio

import pytest

from schema.live import turns
from schema.live.turns import BYTES_OF_ONE, Turns


async def most_between_looks(count: int, each: int, size: int) -> int:
    """How many things were done in one turn of the loop, where `count` tasks do `each` when they may."""
    one_for_all = Turns()
    done = 0

    async def work() -> None:
        nonlocal done
        for _ in range(each):
            await one_for_all.wait(size)
            done += 1

    tasks = [asyncio.create_task(work()) for _ in range(count)]
    most = before = 0
    while done < count * each:
        await asyncio.sleep(0)
        most, before = max(most, done - before), done
    await asyncio.gather(*tasks)
    return most


@pytest.mark.parametrize(("count", "each"), [(1, 2_000), (2_000, 1), (100, 100)])
@pytest.mark.parametrize(("size", "most"), [(100, 256), (BYTES_OF_ONE * 31, 8), (BYTES_OF_ONE * 1_000, 1)])
async def test_so_much_is_done_and_then_others_have_their_turn(
    count: int, each: int, size: int, most: int
) -> None:
    assert 0 < await most_between_looks(count, each, size) <= 2 * most


async def test_turns_are_in_the_order_of_asking_and_who_left_takes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 2)
    one_for_all, done = Turns(), []

    async def work(number: int) -> None:
        await one_for_all.wait()
        done.append(number)

    tasks = [asyncio.create_task(work(number)) for number in range(10)]
    await asyncio.sleep(0)
    for number in (3, 4, 9):
        tasks[number].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert done == [0, 1, 2, 5, 6, 7, 8]
    assert one_for_all.is_now()
