"""A plan of faults, drawn from a seed, and the machine that they befall: workers, children, engines, ways."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.engines import Engines
from tests.support import engine_faults
from tests.support.fault_proxy import FaultProxy
from tests.support.job_workers import Workers

LONGEST_PAUSE_SECONDS = 3.0


@dataclass(frozen=True)
class Fault:
    """`at` seconds from the beginning; `seconds` is how long it lasts, `which` chooses among equals."""

    at: float
    name: str
    seconds: float
    which: int


def drawn(rng: random.Random, names: list[str], count: int, seconds: float) -> list[Fault]:
    """So many faults over the time, each name at least once. The same seed draws the same plan."""
    chosen = [*names, *rng.choices(names, k=count - len(names))]
    rng.shuffle(chosen)
    times = sorted(rng.uniform(0.0, seconds) for _ in chosen)
    return [
        Fault(round(at, 2), name, round(rng.uniform(0.5, LONGEST_PAUSE_SECONDS), 2), rng.randrange(1000))
        for at, name in zip(times, chosen, strict=True)
    ]


@dataclass
class Machine:
    """What can be spoiled. Each method with a name of `FAULTS` is one fault, over when it returns."""

    engines: Engines
    workers: Workers
    to_postgres: FaultProxy
    to_redis: FaultProxy
    to_api: FaultProxy | None = None  # on the way of the observers
    slots: int = 2
    children: int = 1
    befallen: list[str] = field(default_factory=list)

    async def suffer(self, plan: list[Fault]) -> None:
        """Every fault at its time, one after the other."""
        began = asyncio.get_running_loop().time()
        for fault in plan:
            await asyncio.sleep(max(0.0, began + fault.at - asyncio.get_running_loop().time()))
            await FAULTS[fault.name](self, fault)
            self.befallen.append(fault.name)

    def _living(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self.workers.started if process.poll() is None]

    def _worker(self, fault: Fault) -> subprocess.Popen[bytes]:
        living = self._living()
        return living[fault.which % len(living)]

    async def kill_worker(self, fault: Fault) -> None:
        """And another comes."""
        self._worker(fault).kill()
        self.workers.launch(self.slots, self.children)

    async def restart_worker(self, fault: Fault) -> None:
        self._worker(fault).send_signal(signal.SIGTERM)
        self.workers.launch(self.slots, self.children)

    async def kill_child(self, fault: Fault) -> None:
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._worker(fault).pid).children(recursive=True)
            if children:
                children[fault.which % len(children)].kill()

    async def pause_worker(self, fault: Fault) -> None:
        worker = self._worker(fault)
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(fault.seconds)
        worker.send_signal(signal.SIGCONT)

    async def wipe_redis(self, fault: Fault) -> None:
        with suppress(RedisError, OSError):
            async with Redis.from_url(self.engines.addresses.redis_url) as client:
                await client.flushall()

    async def kill_redis(self, fault: Fault) -> None:
        await engine_faults.kill(self.engines.redis)
        await asyncio.sleep(fault.seconds)
        await engine_faults.start(self.engines.redis)

    async def crash_postgres(self, fault: Fault) -> None:
        await engine_faults.crash_postgres(self.engines.postgres)
        await asyncio.sleep(fault.seconds / 3)
        await engine_faults.start(self.engines.postgres)

    async def slow_ways(self, fault: Fault) -> None:
        self.to_postgres.delay(0.03)
        self.to_redis.delay(0.1)
        await asyncio.sleep(fault.seconds)
        self.heal()

    async def cut_ways(self, fault: Fault) -> None:
        self.to_postgres.reset()
        self.to_redis.reset()

    async def cut_observers(self, fault: Fault) -> None:
        assert self.to_api is not None
        self.to_api.reset()

    async def lose_packets(self, fault: Fault) -> None:
        way = self.to_redis if fault.which % 2 else self.to_postgres
        way.blackhole()
        await asyncio.sleep(fault.seconds)
        self.heal()

    def heal(self) -> None:
        self.to_postgres.heal()
        self.to_redis.heal()


FAULTS: dict[str, Callable[[Machine, Fault], Awaitable[None]]] = {
    method.__name__: method
    for method in (
        Machine.kill_worker,
        Machine.restart_worker,
        Machine.kill_child,
        Machine.pause_worker,
        Machine.wipe_redis,
        Machine.kill_redis,
        Machine.crash_postgres,
        Machine.slow_ways,
        Machine.cut_ways,
        Machine.cut_observers,
        Machine.lose_packets,
    )
}
