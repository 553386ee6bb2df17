"""One child process and the socket to it, as its pool sees them.

The socket is the child's alone, so a child that is killed in the middle of a frame can jam nobody else, and
its death is seen at once as the end of the stream. Everything else that the pool's process has open stays
closed to the child, and of its environment only what `_PASSED_ON` names arrives there: no database address,
no storage credentials.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.child_wire import HEADER, MAX_FRAME_BYTES, NotPlain, Setup, frame, loads_plain
from workers.child_words import ChildWords

ROOT = Path(__file__).resolve().parent.parent
EXIT_GRACE_SECONDS = 0.5
LAST_WORDS_SECONDS = 0.2
_PASSED_ON = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "USER", "LOGNAME"}
_PASSED_ON |= {"HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"}  # where trained models come from
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "XDG_CACHE", "FAKETIME", "LD_PRELOAD")

OnProgress = Callable[[float, str | None], None]


class ChildError(Exception):
    """What a call in a child can end with beside the error that the function itself raised.

    ChildError
    ├── ChildDied     it ended by a signal or an exit, was over its memory, or the pool was closed
    ├── ChildTimeout  the call took too long; the child was killed
    └── ChildFailed   it raised an error, or returned a value, that may not or cannot be rebuilt here
        └── ChildrenDoNotStart
    """


class ChildDied(ChildError):
    """`reason`: "signal", "exit", "memory", "garbage" (what it said was no answer: its memory is not to be
    trusted, and it was ended) or "closed"; `signal` is the number where there was one."""

    def __init__(self, reason: str, signal: int | None = None) -> None:
        super().__init__(reason, signal)
        self.reason = reason
        self.signal = signal

    def __str__(self) -> str:
        detail = f" (signal {self.signal})" if self.signal else ""
        return f"the child process ended: {self.reason}{detail}"


class ChildTimeout(ChildError):
    """The call had its time, in seconds, and was ended."""


class ChildFailed(ChildError):
    """Type and text of an error that the child could not hand over whole."""


class ChildrenDoNotStart(ChildFailed):
    """The pool has tried again and again; the text says what the last one died of."""


@dataclass(frozen=True)
class Answer:
    """What a function in a child came to: its value, or the error that it raised."""

    value: Any = None
    error: Exception | None = None


class ChildLink:
    """A started child. All methods belong to one event loop; one call at a time."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self._process = process
        self._sock = sock
        self._writer: asyncio.StreamWriter | None = None
        self._pump: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listening: asyncio.ReadTransport | None = None
        self.words = ChildWords(process.pid)
        self.hung_up = asyncio.Event()

    @classmethod
    def launch(cls, environ: Mapping[str, str]) -> ChildLink:
        """Start the process; blocking. The calling thread must outlive the child, which dies with it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "workers.child", str(theirs.fileno()), str(os.getpid())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=child_environ(environ),
                # Ctrl-C in a terminal is for the parent alone. Not a session: the kernel schedules sessions
                # as groups of equal weight, so that being nice would say nothing to the API process.
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def warm_up(self, setup: Setup) -> Answer:
        """Hand over the setup; the answer comes when the child is warm, with the error if it could not be."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._sock)
        self._pump = asyncio.create_task(self._read_on(reader))
        self._listening, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: self.words, self._process.stderr
        )
        return await self.call(frame(setup), None)

    async def call(self, request: bytes, on_progress: OnProgress | None) -> Answer:
        """Send one `call_frame` and wait for its answer.

        Any error that is raised here (ChildDied when the child ends, one of `on_progress`) leaves the child
        in the middle of its work: it must be ended.
        """
        assert self._writer is not None
        with contextlib.suppress(ConnectionError):  # the reading side tells how it ended
            self._writer.write(request)
            await self._writer.drain()
        while True:
            match await self._next_message():
                case ("progress", float() as percent, None | str() as message):
                    if on_progress is not None:
                        on_progress(percent, message)
                case ("result", value):
                    return Answer(value)
                case ("error", str() as kind, str() as text, str() as trace, bytes() as packed):
                    return Answer(error=_rebuilt(kind, text, trace, packed))
                case _:
                    raise ChildDied("garbage")

    def kill(self) -> None:
        """SIGKILL to the child and what it may have started, unless it is known to be gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()

    async def reap(self, grace_seconds: float = 0.0) -> int:
        """Wait until it is gone, killing it after the grace; returns Popen's return code.

        What it has started goes too, while its number is still its own: until a process is reaped, the
        number of its group is given to nobody else.
        """
        deadline = time.monotonic() + grace_seconds
        while not self._has_ended():
            if time.monotonic() >= deadline:
                self.kill()
            await asyncio.sleep(0.002)
        self.kill()
        return self._process.wait()

    def _has_ended(self) -> bool:
        """Without reaping it."""
        if self._process.returncode is not None:
            return True
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    async def end(self) -> None:
        """Kill, reap, close. Safe to call at any time and more than once."""
        self.kill()
        await self.reap()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})
        if self._writer is not None:
            self._writer.close()
        self._sock.close()
        await self._hear_out()

    async def _hear_out(self) -> None:
        """The last words of a child that has ended, such as the dump of a crash."""
        if self._listening is None:
            if self._process.stderr is not None:
                self._process.stderr.close()
            return
        with contextlib.suppress(TimeoutError):  # something that it started may hold the pipe
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self.words.ended.wait()
        self._listening.close()

    async def _read_on(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
                if length > MAX_FRAME_BYTES:
                    break
                self._inbox.put_nowait(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.hung_up.set()
            self._inbox.put_nowait(None)

    async def _next_message(self) -> Any:
        data = await self._inbox.get()
        if data is None:
            code = await self.reap(EXIT_GRACE_SECONDS)
            raise ChildDied("signal", -code) if code < 0 else ChildDied("exit")
        try:
            return loads_plain(data)
        except NotPlain as error:
            raise ChildFailed(f"the child's answer cannot be read: {error}") from error
        except Exception as error:
            raise ChildDied("garbage") from error


def call_frame(function: str, args: tuple[Any, ...], *, wants_reports: bool) -> bytes:
    """The request to call "module:function". Raises what pickling the arguments raises."""
    return frame((function, args, wants_reports))


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a child gets of the environment, with the project's root to import from."""
    passed = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    path = environ.get("PYTHONPATH")
    passed["PYTHONPATH"] = f"{ROOT}{os.pathsep}{path}" if path else str(ROOT)
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"} | passed


def _rebuilt(kind: str, text: str, trace: str, packed: bytes) -> Exception:
    error: Exception
    try:
        error = loads_plain(packed)
        if not isinstance(error, Exception):
            raise pickle.UnpicklingError("no error")
    except Exception:
        error = ChildFailed(f"{kind}: {text}")
    error.add_note(f"In the child process:\n{trace}")
    return error
