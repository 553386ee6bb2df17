"""A pool of warm child processes whose calls can be stopped at any moment.

    async with ChildPool(2, warm="render.particles.warm:warm", memory_limit_bytes=2 << 30) as renders:
        facts = await renders.run("render.video.particles:render_film", spec, on_progress=show)

- Children are new interpreters (never forks), niced, warm before their first call, and die with this process.
- Cancelling the awaiting task kills the child; when `run` has raised, that process is gone. So does a timeout
  (`ChildTimeout`) and a resident size over the limit (`ChildDied`, reason "memory"). A child that dies by
  itself is seen at once (`ChildDied` with its signal). Its place is filled and warm again by itself.
- What the function raises arrives with its type and the child's traceback as a note; `report(percent,
  message)` is given to the function when `on_progress` is.
- `sandbox` is for children that decode what strangers sent: see `workers.child.Sandbox`.

One pool is one kind of child. Features and renders want two pools: what one has loaded must not add to the
memory of the other.

Why not `pebble`: its children share one request pipe, one result pipe and one lock; a child that is killed
while it holds the lock or writes a large result breaks the whole pool ("BrokenProcessPool"); a stop waits up
to three seconds for SIGTERM, which a busy kernel never sees; nothing ties the children to a killed parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import math
import os
import signal
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import psutil

from workers.child_link import (
    Answer,
    ChildDied,
    ChildError,
    ChildFailed,
    ChildLink,
    ChildrenDoNotStart,
    ChildTimeout,
    OnProgress,
    call_frame,
)
from workers.child_wire import Sandbox, Setup

__all__ = [
    "ChildDied",
    "ChildError",
    "ChildFailed",
    "ChildPool",
    "ChildTimeout",
    "ChildrenDoNotStart",
    "Sandbox",
]

MEMORY_LOOK_SECONDS = 0.5
START_TIMEOUT_SECONDS = 300.0  # a first start compiles kernels
PATIENT_STARTS = 3  # failed starts in a row before waiting calls are told
LONGEST_PAUSE_SECONDS = 10.0

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Call:
    request: bytes
    timeout_seconds: float | None
    on_progress: OnProgress | None
    outcome: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)  # of whoever called
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)  # no child works on it (any more)


class ChildPool:
    """`size` children of one kind. Belongs to the event loop that first used it.

    `nice` is added to the priority; `memory_limit_bytes` bounds the resident size of one child; `warm` is a
    "module:function" that each child calls before it takes work.
    """

    def __init__(
        self,
        size: int,
        *,
        nice: int = 10,
        memory_limit_bytes: int | None = None,
        warm: str | None = None,
        sandbox: bool | Sandbox = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        limits = Sandbox() if sandbox is True else sandbox or None
        self._setup = Setup(nice, warm, limits)
        self._size = size
        self._memory_limit_bytes = memory_limit_bytes
        self._environ = dict(os.environ if environ is None else environ)
        self._calls: asyncio.Queue[_Call] = asyncio.Queue()
        self._children: dict[int, ChildLink] = {}
        self._warm_pids: set[int] = set()
        self._all_warm = asyncio.Event()
        self._failed_starts = 0
        self._keepers: list[asyncio.Task[None]] = []
        self._is_closed = False
        # Children die with the thread that made them: this one lives until `close`.
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="child-maker")

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to start the children; `run` does it too. Needs a running loop, returns at once."""
        if not self._keepers and not self._is_closed:
            # They serve many: what they log is not of the call that happened to be the first.
            self._keepers = [
                asyncio.create_task(self._keep_one(), context=contextvars.Context())
                for _ in range(self._size)
            ]

    @property
    def is_warm(self) -> bool:
        """Every child is started and warm (busy ones count)."""
        return len(self._warm_pids) == self._size

    async def warmed(self) -> None:
        """Wait until `is_warm`."""
        self.start()
        while not self.is_warm:
            self._all_warm.clear()
            await self._all_warm.wait()

    def pids(self) -> list[int]:
        """The processes that live now."""
        return sorted(self._children)

    async def run(
        self,
        function: str,
        *args: Any,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """Call "module:function" in a child that is free, or the next to be.

        `timeout` counts seconds from the moment a child takes the call. Raises what the function raises, or a
        ChildError.
        """
        if self._is_closed:
            raise ChildDied("closed")
        self.start()
        request = call_frame(function, args, wants_reports=on_progress is not None)
        call = _Call(request, timeout, on_progress, asyncio.get_running_loop().create_future())
        call.released.set()
        self._calls.put_nowait(call)
        try:
            return await call.outcome
        except asyncio.CancelledError:
            call.abandoned.set()
            await call.released.wait()
            raise

    async def close(self) -> None:
        """End every child and every waiting call. Nothing of the pool is left when this returns."""
        self._is_closed = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._refuse_waiting(ChildDied("closed"))
        self._maker.shutdown(wait=True)

    async def _keep_one(self) -> None:
        """One place of the pool: a child in it, a new one whenever that has ended."""
        while True:
            try:
                await self._fill_place(await self._launched())
            except OSError as error:
                self._count_failed_start(error)
            if self._failed_starts:
                await asyncio.sleep(min(0.1 * 2**self._failed_starts, LONGEST_PAUSE_SECONDS))

    async def _fill_place(self, child: ChildLink) -> None:
        self._children[child.pid] = child
        try:
            if await self._warms_up(child):
                await self._serve(child)
        finally:
            self._warm_pids.discard(child.pid)
            await _undisturbed(child.end())
            del self._children[child.pid]

    async def _launched(self) -> ChildLink:
        loop = asyncio.get_running_loop()
        launching = loop.run_in_executor(self._maker, ChildLink.launch, self._environ)
        try:
            return await asyncio.shield(launching)
        except asyncio.CancelledError:
            await (await launching).end()
            raise

    async def _warms_up(self, child: ChildLink) -> bool:
        problem: Exception | None
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                problem = (await child.warm_up(self._setup)).error
        except Exception as error:
            problem = error
        if problem is not None:
            self._count_failed_start(problem)
            return False
        self._failed_starts = 0
        self._warm_pids.add(child.pid)
        if self.is_warm:
            self._all_warm.set()
        return True

    def _count_failed_start(self, problem: Exception) -> None:
        if isinstance(problem, ChildDied) and problem.signal == signal.SIGKILL:
            return  # somebody killed it: no sign that the next one would not start
        self._failed_starts += 1
        log.warning("a child process did not start: %s", problem)
        if self._failed_starts >= PATIENT_STARTS:
            self._refuse_waiting(ChildrenDoNotStart(f"child processes do not start: {problem}"))

    def _refuse_waiting(self, error: ChildError) -> None:
        while not self._calls.empty():
            _settle(self._calls.get_nowait(), Answer(error=error))

    async def _serve(self, child: ChildLink) -> None:
        """Give the child one call after the other until it has ended or must."""
        while (call := await self._next_call(child)) is not None:
            answer, can_go_on = Answer(error=ChildDied("closed")), False
            try:
                answer, can_go_on = await self._work(child, call)
            finally:
                try:
                    if not can_go_on:
                        self._warm_pids.discard(child.pid)
                        await _undisturbed(child.end())
                finally:
                    call.released.set()
                    _settle(call, answer)
            if not can_go_on:
                return

    async def _next_call(self, child: ChildLink) -> _Call | None:
        """The next call that somebody still waits for; None when the idle child has ended."""
        while True:
            waiting = asyncio.create_task(self._calls.get())
            ending = asyncio.create_task(child.hung_up.wait())
            try:
                await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                if waiting.done():  # taken at this very moment: `close` must find it
                    self._calls.put_nowait(waiting.result())
                raise
            finally:
                waiting.cancel()
                ending.cancel()
            call = waiting.result() if waiting.done() else None
            if child.hung_up.is_set():
                if call is not None:
                    self._calls.put_nowait(call)
                return None
            if call is not None and not call.abandoned.is_set():
                call.released.clear()
                return call

    async def _work(self, child: ChildLink, call: _Call) -> tuple[Answer, bool]:
        """The answer, and whether the child can take another call."""
        child.words.speak_for(call.context)
        answering = asyncio.create_task(child.call(call.request, call.on_progress))
        abandoned = asyncio.create_task(call.abandoned.wait())
        over_memory = asyncio.create_task(self._over_memory(child.pid))
        tasks = {answering, abandoned, over_memory}
        try:
            done, _ = await asyncio.wait(
                tasks, timeout=call.timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in tasks:
                task.cancel()
        if answering in done:
            error = answering.exception()
            if error is None:
                return answering.result(), True
            return Answer(error=error if isinstance(error, Exception) else ChildDied("closed")), False
        if over_memory in done:
            return Answer(error=ChildDied("memory")), False
        if abandoned in done:
            return Answer(), False
        return Answer(error=ChildTimeout(f"the call took longer than {call.timeout_seconds:g} s")), False

    async def _over_memory(self, pid: int) -> None:
        """Return when the child's resident size has passed the limit; never otherwise."""
        limit = math.inf if self._memory_limit_bytes is None else self._memory_limit_bytes
        while True:
            await asyncio.sleep(MEMORY_LOOK_SECONDS)
            with contextlib.suppress(psutil.Error):
                if psutil.Process(pid).memory_info().rss > limit:
                    return


def _settle(call: _Call, answer: Answer) -> None:
    if call.outcome.done():
        return
    if answer.error is None:
        call.outcome.set_result(answer.value)
    else:
        call.outcome.set_exception(answer.error)


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Finish a short clean-up even when this task is cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    is_cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
