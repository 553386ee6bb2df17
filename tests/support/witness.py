"""Observers over WebSockets who come back whenever they are cut off, and judge what they see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from websockets.exceptions import WebSocketException

from domain.jobs.cursors import version_of
from domain.jobs.protocol import ENDED
from tests.support.graphql_ws import Socket, socket

ONE = "subscription ($id: ID!, $after: String) { jobUpdates(id: $id, after: $after) { cursor status } }"
ALL = "subscription ($after: String) { allJobUpdates(after: $after) { cursor status job { id } } }"
PAUSE_SECONDS = 0.2


@dataclass
class Witness:
    """Of one job. `returns` is how often it was cut off."""

    job_id: UUID
    cursor: str | None = None
    version: int = 0
    end: str | None = None
    returns: int = 0

    async def watch(self, base_url: str) -> None:
        """Until the end was seen. Raises AssertionError where a version comes twice or goes back."""
        while self.end is None:
            try:
                async with socket(base_url, ping_interval=None) as client:
                    await self._look(client)
            except (OSError, TimeoutError, WebSocketException):
                self.returns += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _look(self, client: Socket) -> None:
        await client.subscribe(ONE, id=str(self.job_id), after=self.cursor)
        while self.end is None:
            frame = await client.receive(60.0)
            if frame["type"] != "next" or frame["payload"].get("errors"):
                self.returns += 1  # the database was away: ask again from here
                return
            update = frame["payload"]["data"]["jobUpdates"]
            version = version_of(update["cursor"], self.job_id)
            assert version > self.version, f"{self.job_id}: version {version} came after {self.version}"
            self.version, self.cursor = version, update["cursor"]
            self.end = update["status"] if update["status"] in ENDED else None


@dataclass
class Watchman:
    """Of everything: remembers the ends."""

    cursor: str | None = None
    ends: dict[str, list[str]] = field(default_factory=dict)
    returns: int = 0

    async def watch(self, base_url: str) -> None:
        """For ever."""
        while True:
            try:
                async with socket(base_url, ping_interval=None) as client:
                    await self._look(client)
            except (OSError, TimeoutError, WebSocketException):
                self.returns += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _look(self, client: Socket) -> None:
        await client.subscribe(ALL, after=self.cursor)
        while True:
            frame = await client.receive(60.0)
            if frame["type"] != "next" or frame["payload"].get("errors"):
                self.returns += 1
                return
            update = frame["payload"]["data"]["allJobUpdates"]
            self.cursor = update["cursor"]
            if update["status"] in ENDED:
                self.ends.setdefault(update["job"]["id"], []).append(update["status"])

    def lacks(self, ids: Sequence[UUID]) -> list[UUID]:
        """The jobs whose end it has not seen."""
        return [job_id for job_id in ids if str(job_id) not in self.ends]
