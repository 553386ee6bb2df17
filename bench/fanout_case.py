"""One server of `bench.fanout` with so many sockets and so many events a second, and its figures."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from bench.fanout_servers import Server
from bench.health_probe import probing, ready
from bench.measure import percentile
from bench.processes import processor_seconds, resident_bytes
from bench.subscribers import Sockets, subscribed

DRAIN_SECONDS = 5.0  # what is late by more counts as not delivered
SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Case:
    sockets: int
    rate: int  # events a second

    def __str__(self) -> str:
        return f"{self.sockets:,} at {self.rate}/s"


@dataclass(frozen=True)
class Figures:
    """Delays and the p99 of health requests in milliseconds; shares are 0..1."""

    at_the_end: int  # sockets that are still there
    delivered: float  # of what every wanted socket should have got
    p50: float
    p99: float
    cpu_a_delivery: float  # seconds
    core: float  # the server's share of its core while events came
    bytes_a_socket: float
    health_p99: float
    client_core: float


async def measured(server: Server, case: Case, seconds: float, folder: Path) -> Figures:
    await ready(server.port)
    # What the first socket makes the server load is no socket's share.
    async with subscribed(server.port, server.job_id, 1, folder) as first:
        await server.publish("first")
        await first.finish({})
    before = resident_bytes(server.pid)
    async with subscribed(server.port, server.job_id, case.sockets, folder) as clients:
        await asyncio.sleep(SETTLE_SECONDS)
        used = processor_seconds(server.pid)
        async with probing(server.port) as probes:
            told = await _told(server, case.rate, seconds)
        await asyncio.sleep(DRAIN_SECONDS)
        used = processor_seconds(server.pid) - used
        grown = resident_bytes(server.pid) - before
        sockets = await clients.finish(told)
    return _figures(case, sockets, len(told), used, grown, probes)


async def _told(server: Server, rate: int, seconds: float) -> dict[int, int]:
    """Publish in time, and wait as long after the last one; when each was, by its number."""
    told = {}
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(began + number / rate - time.monotonic())
        told[number] = await server.publish(f"seq-{number}")
    await asyncio.sleep(began + seconds - time.monotonic())
    return told


def _figures(
    case: Case, sockets: Sockets, events: int, used: float, grown: int, probes: list[float]
) -> Figures:
    arrived = len(sockets.delays)
    return Figures(
        at_the_end=sockets.at_the_end,
        delivered=arrived / (case.sockets * events),
        p50=percentile(sockets.delays, 0.5),
        p99=percentile(sockets.delays, 0.99),
        cpu_a_delivery=used / max(1, arrived),
        core=used * case.rate / events,
        bytes_a_socket=grown / max(1, sockets.connected),
        health_p99=percentile(probes, 0.99),
        client_core=sockets.load,
    )
