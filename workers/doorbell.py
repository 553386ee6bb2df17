"""The doorbell: arq carries "something is due" from those who submit to a worker that has a free slot.

arq is transport and nothing more. A bell names a job only for the log: it is answered by claiming whatever
is due first. It is answered within milliseconds, so arq's own lease, retry and result never matter: one
try, no results, JSON, a fresh id each time. The worker's clock does not matter either: bells lie in the past.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms
from arq.worker import Worker, func
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from domain.tallies import Tallies
from workers.tallies import BELLS_FAILED, BELLS_RUNG

QUEUE = "starling:bells"
FUNCTION = "ring"
RING_SECONDS = 0.25
AWAY_SECONDS = 1.0
ANSWER_SECONDS = 10.0
MOST_CONNECTIONS = 16
BELL_SECONDS = 300  # a bell that nobody heard is forgotten: the sweep has long found its job
POLL_SECONDS = 0.02
MOST_BELLS = 20  # waiting at once
READ_BELLS = 100
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
_LONG_AGO = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp() * 1000)

log = logging.getLogger(__name__)
# uvloop has a RuntimeError for whoever writes to a connection that was cut in this turn of the loop
Away = (RedisError, OSError, TimeoutError, RuntimeError)


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def _decode(message: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(message)
    return decoded


def _message(job_id: UUID) -> bytes:
    return serialize_job(FUNCTION, (str(job_id),), {}, None, timestamp_ms(), serializer=_encode)


def _connection(redis_url: str, answer_seconds: float) -> ArqRedis:
    pool = BlockingConnectionPool.from_url(
        redis_url,
        socket_connect_timeout=answer_seconds,
        socket_timeout=answer_seconds,
        max_connections=MOST_CONNECTIONS,
        timeout=answer_seconds,
    )
    return ArqRedis(pool, job_serializer=_encode, job_deserializer=_decode, default_queue_name=QUEUE)


class ArqDoorbell:
    """`domain.ports.Doorbell`. Opens nothing until it is rung; `close` when done."""

    def __init__(self, redis_url: str, tallies: Tallies | None = None) -> None:
        self._redis = _connection(redis_url, RING_SECONDS)
        self._tallies = tallies or Tallies()
        self._away_until = 0.0

    async def ring(self, job_ids: list[UUID]) -> bool:
        """Bells within `RING_SECONDS`. False where they could not be rung: the sweep will do.

        A lane that was woken goes on until nothing is due, so there need be no more bells than there may be
        idle slots. Those that wait already will be heard after this job's commit and do for it too, but for
        one that is just being answered: that costs the time until the next sweep.
        """
        if time.monotonic() < self._away_until:
            self._tallies.add(BELLS_FAILED)
            return False
        try:
            async with asyncio.timeout(RING_SECONDS):
                rung = await self._ring(job_ids)
        except Away as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            self._tallies.add(BELLS_FAILED)
            log.warning("the bell could not be rung: %s", type(error).__name__)
            return False
        self._tallies.add(BELLS_RUNG, amount=rung)
        return True

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    async def _ring(self, job_ids: list[UUID]) -> int:
        """What `enqueue_job` does but its search for the same id, for all in one round trip; how many."""
        lacking = MOST_BELLS - await self._redis.zcard(QUEUE)
        bells = {uuid4().hex: job_id for job_id in job_ids[: max(0, lacking)]}
        if not bells:
            return 0
        pipeline = self._redis.pipeline(transaction=True)
        for bell, job_id in bells.items():
            pipeline.psetex(job_key_prefix + bell, BELL_SECONDS * 1000, _message(job_id))
        pipeline.zadd(QUEUE, dict.fromkeys(bells, _LONG_AGO))
        await pipeline.execute()
        return len(bells)


class Doorman:
    """Hears bells for a worker: an arq worker that is built anew whenever Redis has ended it.

    `answer` starts work and returns as soon as it is claimed. While there is no capacity no bell is taken,
    so that an idle worker gets it.
    """

    def __init__(self, redis_url: str, answer: Callable[[], Awaitable[bool]], slots: int) -> None:
        self._redis_url = redis_url
        self._answer = answer
        self._slots = self._free_slots = slots
        self._arq: Worker | None = None

    def set_capacity(self, free_slots: int) -> None:
        self._free_slots = free_slots
        if self._arq is not None:
            self._arq.max_jobs = free_slots

    async def listen(self) -> None:
        """Hear bells, for ever."""
        logging.getLogger("arq.worker").setLevel(logging.ERROR)  # it tells of every bell
        pause = SHORTEST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            try:
                await self._hear()
            except Away as error:
                if time.monotonic() - began > LONGEST_PAUSE_SECONDS:
                    pause = SHORTEST_PAUSE_SECONDS
                level = logging.WARNING if pause == SHORTEST_PAUSE_SECONDS else logging.DEBUG
                log.log(level, "no bells: Redis is away (%s)", type(error).__name__)
            except Exception:  # nobody else would begin again
                log.exception("no bells for a moment")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _hear(self) -> None:
        redis = _connection(self._redis_url, 5.0)
        worker = self._arq = Worker(
            functions=[func(cast(Any, self._ring), name=FUNCTION)],
            queue_name=QUEUE,
            redis_pool=redis,
            handle_signals=False,
            max_jobs=self._slots,
            job_timeout=ANSWER_SECONDS,
            keep_result=0,
            max_tries=1,
            retry_jobs=False,
            allow_abort_jobs=False,
            poll_delay=POLL_SECONDS,
            queue_read_limit=READ_BELLS,
            health_check_interval=15,
            job_serializer=_encode,
            job_deserializer=_decode,
            expires_extra_ms=BELL_SECONDS * 1000,
            log_results=False,
        )
        worker.max_jobs = self._free_slots
        hearing = asyncio.create_task(worker.async_run(), name="bells")
        try:
            # Not awaited itself: arq swallows a cancellation that comes while it connects, ours with it.
            await asyncio.wait([hearing])
            hearing.result()
        finally:
            self._arq = None
            await _end(worker, hearing, redis)

    async def _ring(self, _: dict[Any, Any], job_id: str) -> None:
        await self._answer()


async def _end(worker: Worker, hearing: asyncio.Task[None], redis: ArqRedis) -> None:
    """Cancel what arq runs until it has ended, however often it takes no notice."""
    tasks = {task for task in (hearing, worker.main_task, *worker.tasks.values()) if task is not None}
    while running := {task for task in tasks if not task.done()}:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=0.1)
    await asyncio.gather(*tasks, return_exceptions=True)
    try:
        await redis.aclose(close_connection_pool=True)
    except Away:
        log.debug("the connection of the bells was gone already")
