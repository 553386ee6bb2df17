"""What the API processes of one `serve` count, added up: whichever of them is scraped answers for all.

`serve` gives them a folder and each a place in it. A process keeps what it counts in the file of its place:
each second, at its end, and before any of it is shown. Whoever is scraped adds the files up. So

- no counter falls from one scrape to the next, whoever answers: what was shown had been kept before;
- a file outlives its process. The next one at the place goes on from the totals that it finds, so a restart
  takes nothing away but what a killed process counted in its last second;
- levels (open sockets, memory) count only while the process that kept them lives.

These are files and not sockets between the processes, because a scrape then waits for nobody, not for a
process that hangs either, and because what a killed one counted is still there.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from app.accepting import HELD
from app.engines import processes
from app.engines.processes import Started
from domain.tallies import Series, packed, unpacked

KEEP_SECONDS = 1.0
TOGETHER_SECONDS = 2.0  # a disk that hangs does not hold up a scrape for longer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counted:
    """Of one process, or of several together; `began` is when the oldest that lives did, in Unix seconds."""

    totals: Mapping[Series, float]
    levels: Mapping[Series, float]
    began: float


@dataclass(frozen=True)
class Place:
    """Where one of the processes keeps what it counts. No other process that lives has the same place."""

    folder: Path
    number: int

    @property
    def path(self) -> Path:
        return self.folder / f"{self.number}.json"

    @property
    def held(self) -> Path:
        """The file of `app.accepting.Shares`."""
        return self.folder / HELD


@dataclass(frozen=True)
class _Kept:
    process: Started
    counted: Counted


class Siblings:
    """`count` says what this process has counted so far."""

    def __init__(self, place: Place, count: Callable[[], Awaitable[Counted]]) -> None:
        self._place = place
        self._count = count
        self._me = processes.identify(f"api {place.number}", os.getpid())
        before = _read(place.path)
        self._earlier = {} if before is None else before.counted.totals
        self._keeping = asyncio.Lock()  # or what was counted before could be kept after
        self._is_failing = False

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Until the block ends, and once more then."""
        task = asyncio.create_task(self._keep_on(), name="metrics-kept")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._keep_or_say()

    async def together(self) -> Counted:
        """What all of them have counted; this one alone where the folder cannot be used. Never raises."""
        try:
            async with asyncio.timeout(TOGETHER_SECONDS):
                await self._keep()
                return await asyncio.to_thread(_added, self._place.folder)
        except (OSError, ValueError, TimeoutError) as error:
            self._says(error)
            return self._with_earlier(await self._count())

    async def _keep_on(self) -> None:
        while True:
            await self._keep_or_say()
            await asyncio.sleep(KEEP_SECONDS)

    async def _keep_or_say(self) -> None:
        try:
            await self._keep()
        except OSError as error:
            self._says(error)
        else:
            self._is_failing = False

    async def _keep(self) -> None:
        """One at a time, until the thread is done: it writes on when nobody waits for it any more, and would
        put what was counted before over what was counted later."""
        await self._keeping.acquire()
        try:
            counted = await self._count()
            writing = asyncio.get_running_loop().run_in_executor(None, self._write, counted)
        except BaseException:
            self._keeping.release()
            raise
        writing.add_done_callback(self._written)
        await asyncio.shield(writing)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._keeping.release()
        if not writing.cancelled():
            writing.exception()  # where nobody waits any more it is no news: the next write meets it too

    def _with_earlier(self, counted: Counted) -> Counted:
        return Counted(_sum([self._earlier, counted.totals]), counted.levels, counted.began)

    def _write(self, since_it_began: Counted) -> None:
        if self._me is None:  # without /proc nobody could tell whether it lives
            raise OSError("there is no /proc")
        counted = self._with_earlier(since_it_began)
        content = {
            "process": asdict(self._me),
            "began": counted.began,
            "totals": orjson.Fragment(packed(counted.totals)),
            "levels": orjson.Fragment(packed(counted.levels)),
        }
        fresh = self._place.path.with_suffix(".new")  # what a killed process left there is written over
        try:
            fresh.write_bytes(orjson.dumps(content))
            fresh.replace(self._place.path)
        finally:
            fresh.unlink(missing_ok=True)

    def _says(self, error: Exception) -> None:
        if not self._is_failing:
            log.warning("what is counted cannot be added up: %s", type(error).__name__)
        self._is_failing = True


def _added(folder: Path) -> Counted:
    found = [kept for path in folder.glob("*.json") if (kept := _read(path)) is not None]
    living = [kept.counted for kept in found if kept.process.is_alive()]
    return Counted(
        totals=_sum([kept.counted.totals for kept in found]),
        levels=_sum([counted.levels for counted in living]),
        began=min(counted.began for counted in living),
    )


def _sum(parts: Sequence[Mapping[Series, float]]) -> dict[Series, float]:
    total: defaultdict[Series, float] = defaultdict(float)
    for numbers in parts:
        for series, number in numbers.items():
            total[series] += number
    return dict(total)


def _read(path: Path) -> _Kept | None:
    """None where nobody has had the place yet."""
    with suppress(FileNotFoundError):
        found = orjson.loads(path.read_bytes())
        counted = Counted(unpacked(found["totals"]), unpacked(found["levels"]), found["began"])
        return _Kept(Started(**found["process"]), counted)
    return None
