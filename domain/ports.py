"""What the domain needs from the layers above it, as protocols.

`app.wiring` builds them once, for API and worker alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from domain.shared_reads import SharedReads
from domain.tallies import Tallies
from render import limits
from render.ml.models import ModelChoice


class Doorbell(Protocol):
    async def ring(self, job_ids: list[UUID]) -> bool:
        """Tell some worker that work is due. False (never an exception) where no bell could be rung."""
        ...


class Files(Protocol):
    """Stored bytes by key. A key is written once, whole or not at all."""

    async def put(self, key: str, source: Path) -> None: ...

    async def check(self) -> None:
        """Raises Unavailable, or what the store raises, where bytes could not be stored or read now."""
        ...

    async def exists(self, key: str) -> bool: ...

    async def size(self, key: str) -> int: ...

    async def delete(self, key: str) -> None:
        """Absent is fine."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes [start, end)."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A readable local path of it: the stored file itself where storage is a folder, else a copy."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, float]]:
        """(key, seconds since it was written) of everything below the prefix."""
        ...


class Subscription(Protocol):
    """Nudges on one topic. Dropping one is allowed; several waiting ones count as one."""

    async def wait(self, timeout_seconds: float) -> bool:
        """True when something changed, False when the time was up."""
        ...


class Events(Protocol):
    """Nudges between processes; the row is the truth. Topics: `job:<id>`, `jobs`, `particles:<id>`,
    `repository:<id>`."""

    async def nudge(self, *topics: str) -> None: ...

    async def publish_job(self, job: Any, *, stage: str | None, change: str) -> None:
        """The documented Redis surface (hash `job:<id>` and the two channels), best effort."""
        ...

    @property
    def unheard_seconds(self) -> float:
        """How long nothing can be heard of other processes; 0 while it can."""
        ...

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[Subscription]: ...


class Media(Protocol):
    """Short media work in sandboxed children: `run("module:function", ...)`, 10 s each.

    A RenderError passes through.
    """

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any: ...


@dataclass(frozen=True)
class Limits:
    """What an owner or a request may use; each is a setting."""

    max_systems_per_owner: int = 1_000
    max_pending_jobs_per_owner: int = 10_000
    max_audio_bytes: int = limits.MAX_AUDIO_BYTES
    max_image_bytes: int = limits.MAX_IMAGE_BYTES
    max_video_bytes: int = limits.MAX_VIDEO_BYTES


@dataclass(frozen=True)
class Answer:
    """What a receiver answered, or why there was none: `status` is None then.

    `problem` is a short code, such as HTTP_500 or TIMEOUT, and empty where it was told.
    """

    problem: str = ""
    status: int | None = None
    retry_after_seconds: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Caller(Protocol):
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post the body there, within ten seconds; every failure is an answer, never an exception.

        No redirect is followed, and no address is called that is inside (unless that is allowed).
        """
        ...


@dataclass(frozen=True)
class Webhooks:
    """How the ends of jobs are told: `keys` sign, newest first."""

    caller: Caller
    keys: tuple[bytes, ...] = field(repr=False)
    allow_private: bool = False


@dataclass(frozen=True)
class Models:
    """The trained models that were chosen in place of our own providers; None is our own."""

    music: ModelChoice | None = None
    melody: ModelChoice | None = None
    stems: ModelChoice | None = None

    @property
    def providers(self) -> set[str]:
        return {model.provider for model in (self.music, self.melody, self.stems) if model is not None}


@dataclass(frozen=True)
class Services:
    doorbell: Doorbell
    files: Files
    events: Events
    media: Media
    scratch: Path  # a local folder for what is staged, on the same file system as local storage
    limits: Limits = field(default_factory=Limits)
    public_url: str = ""
    models: Models = field(default_factory=Models)
    retention_days: int = 0  # ended jobs are removed after so long; 0 keeps them for ever
    webhooks: Webhooks | None = None  # None where no secret is set: callback URLs are refused then
    music_provider: str = "composer"  # who makes music that is submitted now: a key of `music.PROVIDERS`
    tallies: Tallies = field(default_factory=Tallies)  # what this process counts, for `/metrics`
    reads: SharedReads = field(default_factory=SharedReads)  # what many live updates ask for at once
