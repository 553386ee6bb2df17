"""What several processes count, added up through the files in their folder."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.metrics import siblings
from app.metrics.siblings import Counted, Place, Siblings
from domain.tallies import Series

THINGS: Series = ("test_things_total", "a")
OPEN: Series = ("test_open",)


@dataclass
class Counting:
    """What one process has counted so far."""

    totals: dict[Series, float] = field(default_factory=dict)
    levels: dict[Series, float] = field(default_factory=dict)
    began: float = 100.0

    async def __call__(self) -> Counted:
        return Counted(dict(self.totals), dict(self.levels), self.began)


def of_place(folder: Path, number: int, things: float, began: float = 100.0) -> tuple[Counting, Siblings]:
    counting = Counting({THINGS: things}, {OPEN: things}, began)
    return counting, Siblings(Place(folder, number), counting)


def lives_and_dies(folder: Path, number: int, things: float) -> None:
    """In a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=_count_once, args=(folder, number, things))
    process.start()
    process.join()
    assert process.exitcode == 0


def _count_once(folder: Path, number: int, things: float) -> None:
    asyncio.run(of_place(folder, number, things)[1].together())


async def test_whoever_is_asked_answers_for_all(tmp_path: Path) -> None:
    _, one = of_place(tmp_path, 1, 3.0, began=200.0)
    _, two = of_place(tmp_path, 2, 4.0, began=100.0)
    await one.together()
    of_two = await two.together()
    assert await one.together() == of_two
    assert of_two == Counted({THINGS: 7.0}, {OPEN: 7.0}, 100.0)


async def test_what_was_shown_never_falls_whoever_is_asked_next(tmp_path: Path) -> None:
    counting, one = of_place(tmp_path, 1, 0.0)
    _, two = of_place(tmp_path, 2, 0.0)
    for number in range(1, 20):
        counting.totals[THINGS] = float(number)
        assert (await one.together()).totals[THINGS] == number
        assert (await two.together()).totals[THINGS] == number


async def test_of_a_process_that_died_the_totals_stay_and_the_levels_go(tmp_path: Path) -> None:
    await asyncio.to_thread(lives_and_dies, tmp_path, 2, 5.0)
    _, one = of_place(tmp_path, 1, 1.0)
    assert await one.together() == Counted({THINGS: 6.0}, {OPEN: 1.0}, 100.0)


async def test_the_next_process_at_a_place_goes_on_from_the_last(tmp_path: Path) -> None:
    for _ in range(2):
        await asyncio.to_thread(lives_and_dies, tmp_path, 1, 5.0)
    _, third = of_place(tmp_path, 1, 0.5)
    assert await third.together() == Counted({THINGS: 10.5}, {OPEN: 0.5}, 100.0)


async def test_it_is_kept_without_being_asked_and_at_the_end(tmp_path: Path) -> None:
    counting, one = of_place(tmp_path, 1, 1.0)
    _, two = of_place(tmp_path, 2, 0.0)
    async with one.kept():
        async with asyncio.timeout(20.0):
            while (await two.together()).totals[THINGS] != 1.0:
                await asyncio.sleep(0.01)
        counting.totals[THINGS] = 2.0
    assert (await two.together()).totals[THINGS] == 2.0


async def test_a_write_that_nobody_waits_for_any_more_is_over_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs: what it writes at last is not put over what was counted later."""
    monkeypatch.setattr(siblings, "TOGETHER_SECONDS", 0.2)
    counting, one = of_place(tmp_path, 1, 1.0)
    pipe = tmp_path / "1.new"
    os.mkfifo(pipe)  # whoever writes to it hangs until somebody reads
    assert (await one.together()).totals[THINGS] == 1.0
    counting.totals[THINGS] = 2.0
    later = asyncio.create_task(one._keep())
    await asyncio.sleep(0.1)
    assert not later.done()
    assert b"test_things_total" in await asyncio.to_thread(pipe.read_bytes)
    async with asyncio.timeout(10.0):
        await later
    monkeypatch.undo()
    _, two = of_place(tmp_path, 2, 0.0)
    assert (await two.together()).totals[THINGS] == 2.0


async def test_what_killed_processes_were_writing_does_not_pile_up(tmp_path: Path) -> None:
    (tmp_path / "1.new").write_bytes(b"half")
    _, one = of_place(tmp_path, 1, 1.0)
    assert (await one.together()).totals[THINGS] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["1.json"]


async def test_without_the_folder_each_says_what_it_knows(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    _, one = of_place(folder, 1, 3.0)
    async with one.kept():
        assert await one.together() == Counted({THINGS: 3.0}, {OPEN: 3.0}, 100.0)
    assert not folder.exists()
