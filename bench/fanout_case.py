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
from bench.subscribers import subscribed

DRAIN_SECONDS = 5.0  # what is late by more counts as not delivered
SETTLE_SECONDS = 1.0
LEAVING_SECONDS = 3.0  # so long a server has to be rid of its sockets
PROBED_SECONDS = 10.0


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
    cpu_a_socket: float  # seconds to connect, subscribe and have the first message
    cpu_a_delivery: float  # seconds, without what the same health requests cost while nobody subscribes
    core: float  # so of the server's core, a second of events; what it does afterwards counts too
    bytes_a_socket: float
    health_p99: float
    client_core: float  # so for the client


async def measured(server: Server, case: Case, seconds: float, folder: Path) -> Figures:
    await ready(server.port)
    # What the first socket makes the server load is no socket's share.
    async with subscribed(server.port, server.job_id, 1, folder) as first:
        await server.publish("first")
        await first.finish({})
    before, used = resident_bytes(server.pid), processor_seconds(server.pid)
    async with subscribed(server.port, server.job_id, case.sockets, folder) as clients:
        await asyncio.sleep(SETTLE_SECONDS)
        ready_at = processor_seconds(server.pid)
        async with probing(server.port) as probes:
            publishing = await _publishing(server, case.rate, seconds)
        await asyncio.sleep(DRAIN_SECONDS)
        ended_at = processor_seconds(server.pid)
        grown = resident_bytes(server.pid) - before
        sockets = await clients.finish(await _told(publishing))
    await asyncio.sleep(LEAVING_SECONDS)
    a_probe = await _cost_of_a_probe(server)  # now that what the server compiles as it runs is compiled
    arrived, events = len(sockets.delays), len(publishing)
    spent = ended_at - ready_at - a_probe * len(probes)
    return Figures(
        at_the_end=sockets.at_the_end,
        delivered=arrived / (case.sockets * events),
        p50=percentile(sockets.delays, 0.5),
        p99=percentile(sockets.delays, 0.99),
        cpu_a_socket=(ready_at - used) / max(1, sockets.connected),
        cpu_a_delivery=spent / max(1, arrived),
        core=spent * case.rate / events,
        bytes_a_socket=grown / max(1, sockets.connected),
        health_p99=percentile(probes, 0.99),
        client_core=sockets.processor_seconds * case.rate / events,
    )


async def _cost_of_a_probe(server: Server) -> float:
    """Seconds of CPU that a health request takes while nobody subscribes, with being there meanwhile."""
    used = processor_seconds(server.pid)
    async with probing(server.port) as probes:
        await asyncio.sleep(PROBED_SECONDS)
    return (processor_seconds(server.pid) - used) / len(probes)


async def _publishing(server: Server, rate: int, seconds: float) -> list[asyncio.Task[int]]:
    """Publish in time, whether or not the server has got round to what came before; a task for each event."""
    tasks: list[asyncio.Task[int]] = []
    began = time.monotonic()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(began + number / rate - time.monotonic())
        tasks.append(asyncio.create_task(server.publish(f"seq-{number}")))
    await asyncio.sleep(began + seconds - time.monotonic())
    return tasks


async def _told(publishing: list[asyncio.Task[int]]) -> dict[int, int]:
    """When each event was told, by its number; those that were not told yet never are."""
    told = {number: task.result() for number, task in enumerate(publishing) if task.done()}
    for task in publishing:
        task.cancel()
    await asyncio.gather(*publishing, return_exceptions=True)
    return told
