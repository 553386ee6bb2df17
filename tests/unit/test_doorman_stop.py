"""A worker that is told to stop while arq connects: arq loses that cancellation, the doorman must not."""

from __future__ import annotations

import asyncio

from workers.doorbell import Doorman


async def never() -> bool:
    return False


async def test_a_stop_at_any_moment_of_the_start_ends_the_doorman(redis_url: str) -> None:
    async def stopped_after(seconds: float) -> None:
        hearing = asyncio.create_task(Doorman(redis_url, never, slots=1).listen())
        await asyncio.sleep(seconds)
        hearing.cancel()
        _, running = await asyncio.wait([hearing], timeout=10.0)
        assert not running

    for _ in range(5):
        await asyncio.gather(*(stopped_after(0.002 * step) for step in range(10)))
    assert asyncio.all_tasks() == {asyncio.current_task()}
