"""`domain.ports.Media`: short media work in child processes that this process owns.

Three kinds of children, each started by its first call or by `start`: readers look into files, painters draw
frames and previews, listeners compute audio features. All of them decode what strangers sent, so all are
sandboxed (`workers.child.Sandbox`: no network, no new privileges,
bounded files and processor time), nice, bounded in memory and killed when their time is up. This process
itself never decodes anything, and a file that breaks its reader breaks nothing else. Only readers have a
limit on address space: the compiled kernels of the others reserve far more than they use.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from types import TracebackType
from typing import Any, Self

from domain.errors import MediaCrashed, StorageFull, TimedOut, TooLarge, Unavailable
from render.errors import RenderError
from workers.children import ChildDied, ChildError, ChildPool, ChildTimeout, Sandbox

READERS = 2
QUEUE_SECONDS = 20.0  # how long a call may wait for a free child
MAX_WAITING = 256
READER_BYTES = 1024**3
PAINTER_BYTES = 1536 * 1024**2
LISTENER_BYTES = 2 * 1024**3
READER_SANDBOX = Sandbox(address_space_bytes=4 * 1024**3, cpu_seconds=60)
KERNEL_SANDBOX = Sandbox(
    address_space_bytes=256 * 1024**3, cpu_seconds=1800, file_bytes=1024**3, open_files=256
)
READER_WARM: str | None = "render.media.warm:warm"
PAINTER_WARM: str | None = "render.particles.warm:warm"

log = logging.getLogger(__name__)


class MediaPool:
    """Give it one event loop, and close it there."""

    def __init__(self, readers: int = READERS) -> None:
        self._readers = ChildPool(
            readers, memory_limit_bytes=READER_BYTES, warm=READER_WARM, sandbox=READER_SANDBOX
        )
        self._painters = ChildPool(
            1, memory_limit_bytes=PAINTER_BYTES, warm=PAINTER_WARM, sandbox=KERNEL_SANDBOX
        )
        self._listeners = ChildPool(1, memory_limit_bytes=LISTENER_BYTES, sandbox=KERNEL_SANDBOX)
        self._waiting = 0

    def start(self) -> None:
        """Begin to warm the children that answer at once; returns immediately."""
        self._readers.start()
        self._painters.start()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await asyncio.gather(self._readers.close(), self._painters.close(), self._listeners.close())

    async def run(self, function: str, *args: Any, timeout: float = 10.0) -> Any:
        """What "module:function" answers. RenderError passes through; else TimedOut, MediaCrashed, TooLarge
        (more memory than a child may have), StorageFull, or Unavailable when children do not start."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable("Too many pictures and files are being worked on; try again in a moment")
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE_SECONDS + timeout):
                return await self._pool_for(function).run(function, *args, timeout=timeout)
        except RenderError:
            raise
        except (ChildTimeout, TimeoutError) as error:
            raise TimedOut(f"It took longer than {timeout:g} s") from error
        except ChildDied as error:
            raise _crash(error) from error
        except ChildError as error:
            log.error("a media child failed at %s: %s", function, error)
            raise Unavailable("Media cannot be worked on at this moment") from error
        except MemoryError as error:
            raise _too_hungry() from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("The disk of the server is full") from error
            raise
        finally:
            self._waiting -= 1

    def _pool_for(self, function: str) -> ChildPool:
        if function.startswith("render.media."):
            return self._readers
        if function.startswith("render.audio."):
            return self._listeners
        return self._painters


def _crash(error: ChildDied) -> Exception:
    if error.reason == "memory":
        return _too_hungry()
    log.warning("a media child died: %s", error)
    return MediaCrashed("The process that worked on the media died")


def _too_hungry() -> TooLarge:
    return TooLarge("It needs more memory than the work on one file may have")
