"""What every test may ask for. All of it is real: PostgreSQL and Redis from the wheels, real processes.

`make test` shares the tests out to two processes (pytest-xdist); each has its own of what a session has here.

engines        session   an `Engines` pair in a home of its own (without fsync: tests do not lose power)
clones         session   migrated databases of it: `tests.support.clones`
database_url   function  a fresh, migrated database, one of those; not connected
empty_database_url       a fresh database without tables
redis_url      function  the session's Redis, its first database emptied
database       function  as database_url, and Tortoise is connected to it in this process
settings       function  `Settings` for database_url, redis_url and a home below tmp_path
services       function  the real `Services` of those settings, and the database is connected
server         session   a real API process and a worker on a free port, ready; a database of its own, and a
                         Redis database of its own: its worker must not answer the bells of other tests.
                         Its rows stay from test to test: make your own and count only those.
live_server    session   a real API process without workers, so that jobs move only where a test moves them;
                         databases of its own, like `server`
live           function  that one without a job, to be as idle at the end: `tests.support.live_api`
figures        function  takes measurements of a promise: `tests.support.figures`
rng            function  a `random.Random`; its seed is printed at the end of the run, SEED=n gives it again
left_behind    function  a marker text (a path) for a test's own processes; none of them may live on

`tests.support.server.running_server` starts further servers with settings of their own.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path
from uuid import UUID

import hypothesis
import pytest
import redis as redis_client
from tortoise.context import TortoiseContext

from app.engines import Engines, Home, open_engines
from app.settings import Settings
from app.wiring import assembled
from db.connection import open_database
from domain.ports import Services
from tests.support import databases
from tests.support.clones import Clones
from tests.support.figures import Figures, Run
from tests.support.live_api import LiveApi, live_api
from tests.support.processes import wait_until_none
from tests.support.server import Server, running_server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--figures", metavar="FILE", help="keep what the tests of the promises measured, as JSON"
    )


def pytest_configure(config: pytest.Config) -> None:
    # The same examples each time, so that what is red stays red; no deadline, since machines are busy.
    hypothesis.settings.register_profile("starling", deadline=None, derandomize=True)
    hypothesis.settings.load_profile("starling")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A run that a script began with `&`: the processes that tests start would not hear Ctrl-C either.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    reports = chain.from_iterable(terminalreporter.stats.values())
    run = Run.told_by(one for one in reports if isinstance(one, pytest.TestReport))
    if lines := run.lines():
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
    if path := config.getoption("--figures"):
        run.write(Path(path))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the server first may wait for it: on a new machine its worker compiles kernels. What
    is slow on every machine has ten minutes, unless it names a limit of its own.

    Under `--dist loadgroup` what is in no group is in one: one test at a time measures how long things take.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("measuring"))
        if item.get_closest_marker("timeout") is not None:
            continue
        if item.get_closest_marker("slow") or item.get_closest_marker("promise"):
            item.add_marker(pytest.mark.timeout(600))
        elif "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(300))


def pytest_make_parametrize_id(val: object) -> str | None:
    """A random id has no part in a test's name: processes that share the tests have to find the same ones."""
    try:
        return f"uuid{UUID(val).version or 0}" if isinstance(val, str) else None
    except ValueError:
        return None


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that runs a command in this process sends all logs to a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    with (
        tempfile.TemporaryDirectory(prefix="starling-tests-") as folder,
        open_engines(Home(Path(folder) / "home"), postgres_settings={"fsync": "off"}) as pair,
    ):
        yield pair


@pytest.fixture(scope="session")
def clones(engines: Engines) -> Clones:
    return Clones(engines.addresses.database_url)


@pytest.fixture
def database_url(clones: Clones) -> Iterator[str]:
    with clones.one() as url:
        yield url


@pytest.fixture
def empty_database_url(engines: Engines) -> Iterator[str]:
    with databases.empty(engines.addresses.database_url) as url:
        yield url


@pytest.fixture
def redis_url(engines: Engines) -> str:
    client = redis_client.Redis.from_url(engines.addresses.redis_url)
    client.flushdb()
    client.close()
    return engines.addresses.redis_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[TortoiseContext]:
    async with open_database(database_url) as context:
        yield context


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database_url, redis_url=redis_url)


@pytest.fixture
async def services(settings: Settings, database: TortoiseContext) -> AsyncIterator[Services]:
    async with assembled(settings) as found:
        yield found


@pytest.fixture(scope="session")
def server(engines: Engines, clones: Clones) -> Iterator[Server]:
    with (
        clones.one() as url,
        running_server(url, f"{engines.addresses.redis_url}?db=1") as running,
    ):
        yield running


@pytest.fixture(scope="session")
def live_server(engines: Engines, clones: Clones) -> Iterator[Server]:
    with (
        clones.one() as url,
        running_server(url, f"{engines.addresses.redis_url}?db=3", workers=0) as running,
    ):
        yield running


@pytest.fixture
async def live(live_server: Server, tmp_path: Path) -> AsyncIterator[LiveApi]:
    async with live_api(live_server, tmp_path) as found:
        yield found


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    return Figures(request.node.user_properties)


@pytest.fixture
def rng(figures: Figures) -> random.Random:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
    figures.seed(seed)
    return random.Random(seed)


@pytest.fixture
def left_behind() -> Iterator[Path]:
    """A folder; nothing that names it may live on five seconds after the test."""
    with tempfile.TemporaryDirectory(prefix="starling-place-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
        left, _ = wait_until_none(folder, 5.0)
        assert left == {}
