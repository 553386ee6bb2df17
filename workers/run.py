"""One run of one job: what a handler is given, and what it gives back.

    async def handle(run: Run) -> Settlement:
        await run.stage("render")
        facts = await run.child("render.video.particles:render_film", spec)
        return Settlement(result={...}, outputs=[NewOutput("video", path, "film.mp4", "video/mp4", "VIDEO")])

A handler only computes and writes below `run.scratch`; it never touches the job's row. It may be cancelled
at any await (a cancel, a lost lease, a stall, a stop of the worker) and must let that through. What it
returns becomes the job's, or nothing does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from db.jobs import Job
from domain.jobs import stages
from domain.jobs.kinds import Kind
from domain.ports import Services
from workers.children import ChildPool

TRANSFER_SECONDS = 3600.0  # a long film on its way to a slow object store


@dataclass(frozen=True)
class NewOutput:
    """A file below the scratch folder that becomes an asset of the job's owner."""

    role: str  # video, audio, image, preview, midi or a stem
    path: Path
    filename: str
    content_type: str
    kind: str  # AUDIO, VIDEO, IMAGE or OTHER
    duration: float | None = None  # seconds
    width: int | None = None
    height: int | None = None
    sample_rate: int | None = None  # Hz
    channels: int | None = None


@dataclass(frozen=True)
class Settlement:
    """What a finished job leaves. `rows` writes further rows in the transaction that settles it, when those
    of the outputs are there; what it answers is added to the result. Who waits on `topics` is woken
    afterwards.
    """

    result: dict[str, Any] | None = None
    outputs: Sequence[NewOutput] = ()
    cost_usd: float = 0.0
    rows: Callable[[Job], Awaitable[Mapping[str, Any] | None]] | None = None
    topics: Sequence[str] = ()


class Run:
    """A claimed job in the hands of its handler."""

    def __init__(
        self, job: Job, kind: Kind, services: Services, pools: Mapping[str, ChildPool], scratch: Path
    ) -> None:
        self.job = job
        self.kind = kind
        self.services = services
        self._scratch = scratch
        self.stages = stages.fresh(kind)
        self.message: str | None = None
        self.is_dirty = False
        self.changed = asyncio.Event()
        self.moved_at = time.monotonic()  # when there was progress last
        self.stall_seconds = kind.stall_seconds  # how long it may go without any, from then on
        self._pools = pools
        self._shares = kind.shares()
        self._claimed_at = time.monotonic()
        self._stage_began = self._claimed_at
        self._progress = 0.0
        self._write: Callable[[], Awaitable[None]] | None = None

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.job.params
        return params

    @property
    def scratch(self) -> Path:
        """A folder of this run's own, made when it is asked for. Raises OSError where there is no room."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch

    @property
    def seconds(self) -> float:
        """How long ago the job was claimed."""
        return time.monotonic() - self._claimed_at

    @property
    def from_stage(self) -> str | None:
        """The stage that a retry by hand asked to begin with; what comes before it may be taken as done."""
        return self.job.from_stage

    async def stage(self, name: str, message: str | None = None) -> None:
        """Begin a stage of the kind; all before it are done. Written at once, never throttled away."""
        index = self.kind.stages.index(name)
        for stage in self.stages[:index]:
            self._end(stage)
        self.stages[index].update(status="PROCESSING", message=message, started_at=self._now())
        self._stage_began = time.monotonic()
        self._touch(message)
        if self._write is not None:
            await self._write()

    def progress(self, percent: float, message: str | None = None) -> None:
        """How far the present stage is, 0..100, never falling. Written at most four times a second."""
        stage = next((stage for stage in reversed(self.stages) if stage["status"] == "PROCESSING"), None)
        if stage is None:
            return
        stage["progress"] = max(stage["progress"], min(100.0, max(0.0, float(percent))))
        if message is not None:
            stage["message"] = message
        self._touch(stage["message"])

    def transfer(self) -> None:
        """A file is on its way, which reports nothing: that is no stall for as long as it may take, until
        the next progress."""
        self.stall_seconds = max(self.kind.stall_seconds, TRANSFER_SECONDS)
        self.moved_at = time.monotonic()

    async def child(
        self,
        function: str,
        *args: Any,
        pool: str = "render",
        timeout: float | None = None,
        reports: bool = True,
        share: tuple[float, float] = (0.0, 1.0),
    ) -> Any:
        """Call "module:function" in a warm child; its reports become the progress of the present stage, or
        of the `share` of it (begin and end, 0..1) where the stage is several calls.

        A function that takes no `report` needs `reports=False`. Raises what the function raises, or a
        ChildError. The child is gone when this is cancelled.
        """
        begin, end = share

        def shared(percent: float, message: str | None = None) -> None:
            self.progress(100.0 * begin + (end - begin) * percent, message)

        listener = shared if reports else None
        return await self._pools[pool].run(function, *args, timeout=timeout, on_progress=listener)

    def overall(self) -> float:
        """0..100; never falls within a run."""
        self._progress = max(self._progress, stages.overall(self.stages, self._shares))
        return self._progress

    def eta_seconds(self) -> float | None:
        return stages.eta_seconds(self.stages, self._shares, time.monotonic() - self._stage_began)

    def write_with(self, write: Callable[[], Awaitable[None]]) -> None:
        """Who writes a new stage at once: the run's heart."""
        self._write = write

    def _touch(self, message: str | None) -> None:
        self.message = message
        self.moved_at = time.monotonic()
        self.stall_seconds = self.kind.stall_seconds
        self.is_dirty = True
        self.changed.set()

    def _end(self, stage: dict[str, Any]) -> None:
        if stage["status"] != "COMPLETED":
            began = stage["started_at"] or self._now()
            stage.update(status="COMPLETED", progress=100.0, started_at=began, completed_at=self._now())

    def _now(self) -> str:
        """The database's clock, carried on from the claim by the monotonic one."""
        claimed: datetime = self.job.started_at or self.job.updated_at
        return (claimed + timedelta(seconds=time.monotonic() - self._claimed_at)).isoformat()


Handler = Callable[[Run], Awaitable[Settlement]]
