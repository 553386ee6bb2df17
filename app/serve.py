"""`starling serve`: everything on one machine, in one command, and nothing left when it ends.

This process owns the engines and starts the API processes and the worker processes; it loads none of
their code itself. It takes the port first, so that a wrong one is said at once, and keeps it while an
API process restarts. It owns the engines of the home and not its scratch folder, where a `starling worker` or
`starling api` that was started by itself may be at work: what killed processes leave there goes with a
worker's daily round.

Several API processes accept from the one listening socket. A socket for each (SO_REUSEPORT) would spread
connections more evenly, but by a hash, so a share of them would wait for a process that has just died or
hangs; and those that a dead process had not accepted yet would be lost with its socket. Here whoever is free
accepts, those first that hold the fewest (`app.accepting`): a connection waits for nobody, and is lost only
with the process that holds it.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.accepting import HELD, prepare
from app.engines import Engines, Home, open_engines, processes
from app.listening import addresses_line, base_url, listen
from app.models import models_of, refuse_lacking
from app.refusals import DoesNotStart
from app.settings import Settings
from app.supervisor import Part, StopSignals, stop_signals, supervise
from db import worker_tallies
from db.connection import open_database
from db.migrate import migrate

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 30.0  # a worker gives running jobs their grace and then releases them
FIRST_ANSWER_SECONDS = 60.0


class Program:
    """A child that is `starling` itself, as another command."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        remember: Callable[[str, int], None],
        listening: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.environment = environment
        self.remember = remember
        self.listening = listening
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # -P: a folder named like one of ours in the current directory is not imported.
        self.process = processes.spawn(
            [sys.executable, "-P", "-m", "app.cli", *self.arguments],
            death_signal=signal.SIGKILL,
            env=self.environment,
            pass_fds=() if self.listening is None else (self.listening.fileno(),),
        )
        self.remember(self.name, self.process.pid)

    def restart(self) -> None:
        self.start()


async def _prepare(database_url: str, *, is_ours: bool) -> None:
    """Migrate. In a database that has just been started no worker is alive: rows of killed ones, which would
    make `/ready` answer too early, go. Another database may have workers elsewhere."""
    await migrate(database_url)
    if is_ours:
        async with open_database(database_url):
            await worker_tallies.forget(0.0)


def serve(settings: Settings, host: str, port: int) -> int:
    """Run until SIGINT or SIGTERM; returns the exit code. From the main thread.

    Raises CannotListen, EngineError, DoesNotStart and what migrating raises.
    """
    refuse_lacking(models_of(settings))
    with ExitStack() as stack:
        signals = stack.enter_context(stop_signals())
        listening = stack.enter_context(listen(settings, host, port))
        home = Home(settings.home)
        engines = stack.enter_context(
            open_engines(
                home,
                database_url=settings.database_url,
                redis_url=settings.redis_url,
                postgres_settings={"max_connections": str(_connections(settings))},
            )
        )
        tallies = stack.enter_context(_tallies_folder(home, settings))
        asyncio.run(_prepare(engines.addresses.database_url, is_ours=settings.database_url is None))
        first, *others = programs = _programs(settings, engines, listening, tallies)
        stack.callback(_stop_together, programs, signals)
        first.start()
        url = base_url(listening)
        if _answers(url, first, signals):
            print(addresses_line(url), flush=True)  # noqa: T201 - the one line that is promised
            # Not before: starting and warming their children would take the processor from the first answer.
            for other in others:
                other.start()
            parts: list[Part] = [*engines.parts(), *programs]
            supervise(parts, signals)
        elif not signals.received:
            log.debug("the API process ended before it answered")
            return 1  # it has said why itself
    return 0


def _connections(settings: Settings) -> int:
    """For every process's pool, and as many again for those that join and for a look by hand."""
    return max(100, 2 * settings.database_pool * (settings.api_processes + settings.workers))


def child_environment(engines: Engines, settings: Settings) -> dict[str, str]:
    """Ours, with the engines' addresses in it and our packages first on the path."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return {
        **os.environ,
        "PYTHONPATH": path,
        "STARLING_HOME": str(engines.home.path),
        "DATABASE_URL": engines.addresses.database_url,
        "REDIS_URL": engines.addresses.redis_url,
        "STARLING_API_PROCESSES": str(settings.api_processes),
    }


@contextmanager
def _tallies_folder(home: Home, settings: Settings) -> Iterator[Path | None]:
    """Where several API processes tell each other what they count and hold; one alone needs none."""
    if settings.api_processes == 1:
        yield None
        return
    folder = home.path / "tallies"
    shutil.rmtree(folder, ignore_errors=True)  # a killed owner's
    folder.mkdir(mode=0o700)
    prepare(folder / HELD, settings.api_processes)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(
    settings: Settings, engines: Engines, listening: socket.socket, tallies: Path | None
) -> list[Program]:
    """The first API process is the first of them."""
    environment, remember = child_environment(engines, settings), engines.home.remember

    def api(number: int) -> Program:
        arguments = ["api", "--descriptor", str(listening.fileno())]
        if tallies is not None:
            arguments += ["--tallies", str(tallies), "--place", str(number)]
        name = "api" if number == 1 else f"api {number}"
        return Program(name, arguments, environment, remember, listening)

    apis = [api(number) for number in range(1, settings.api_processes + 1)]
    workers = [
        Program(f"worker {number}", ["worker"], environment, remember)
        for number in range(1, settings.workers + 1)
    ]
    return [*apis, *workers]


def _answers(url: str, api: Program, signals: StopSignals) -> bool:
    """Wait for the first answer of the API process; False where it ended or a stop was asked for."""
    deadline = time.monotonic() + FIRST_ANSWER_SECONDS
    address = url.removeprefix("http://")
    while not signals.wait(0.02):
        if api.process is None or api.process.poll() is not None:
            return False
        if time.monotonic() > deadline:
            raise DoesNotStart(f"The API process did not answer in {FIRST_ANSWER_SECONDS:g} s.")
        connection = http.client.HTTPConnection(address, timeout=1.0)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == http.client.OK:
                return True
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    return False


def _stop_together(programs: Sequence[Program], signals: StopSignals) -> None:
    """Tell all at once and wait for them; whoever asks a second time waits no longer."""
    running = {one.name: one.process for one in programs if one.process is not None}
    asked = signals.received
    for process in running.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(process.poll() is None for process in running.values()):
        if time.monotonic() > deadline or signals.received > max(asked, 1):
            break
        time.sleep(0.02)
    for name, process in running.items():
        if process.poll() is None:
            log.warning("%s did not end in time and is killed", name)
        process.kill()
        process.wait()
