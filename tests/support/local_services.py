"""Services of one test without other processes: real files in a folder, real media code in a thread, and a
record of what was rung and nudged."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from app.storage import FolderFiles
from domain.ports import Files, Limits, Media, Services


@dataclass
class Bell:
    rung: list[UUID] = field(default_factory=list)

    async def ring(self, job_ids: list[UUID]) -> bool:
        self.rung += job_ids
        return True


class Never:
    """A subscription to which nothing happens."""

    async def wait(self, timeout_seconds: float) -> bool:
        await asyncio.sleep(timeout_seconds)
        return False


@dataclass
class Nudges:
    topics: list[str] = field(default_factory=list)
    unheard_seconds: float = 0.0

    async def nudge(self, *topics: str) -> None:
        self.topics += topics

    async def publish_job(self, job: Any, *, stage: str | None, change: str) -> None:
        return

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[Never]:
        yield Never()


@dataclass
class MediaInThread:
    """The same functions that children run, counted."""

    calls: list[str] = field(default_factory=list)

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any:
        self.calls.append(function)
        module, _, name = function.partition(":")
        return await asyncio.to_thread(getattr(importlib.import_module(module), name), *args)


def local_services(
    folder: Path,
    *,
    files: Files | None = None,
    media: Media | None = None,
    events: Nudges | None = None,
    limits: Limits | None = None,
) -> Services:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return Services(
        doorbell=Bell(),
        files=files or FolderFiles(folder / "files"),
        events=events or Nudges(),
        media=media or MediaInThread(),
        scratch=scratch,
        limits=limits or Limits(),
    )
