"""Counting in memory, and the totals of workers that come and go."""

from __future__ import annotations

import logging
from collections import defaultdict

import orjson
import pytest
from tortoise.context import TortoiseContext

from db import job_queue, worker_tallies
from domain.ports import Services
from domain.tallies import BEYOND, SUM, Counter, Histogram, Level, Tallies, packed, unpacked
from domain.webhooks import TRIES
from tests.support.job_kinds import CHILD, FAILS, HANDLERS, NOOP
from tests.support.job_world import ended, options, submitted, until, worker_here
from workers import tallies as families
from workers.rounds import Rounds
from workers.runner import Runner

COUNTER = Counter("test_things_total", "Things", ("kind",))
HISTOGRAM = Histogram("test_seconds", "Seconds", ("kind",), (0.1, 1.0))
LEVEL = Level("test_open", "Open", ())


def test_buckets_hold_what_is_up_to_their_bound() -> None:
    tallies = Tallies()
    for value in (0.1, 0.11, 1.0, 50.0):
        tallies.observe(HISTOGRAM, value, "a")
    assert tallies.totals() == {
        ("test_seconds", "a", "0.1"): 1,
        ("test_seconds", "a", "1.0"): 2,
        ("test_seconds", "a", BEYOND): 1,
        ("test_seconds", "a", SUM): pytest.approx(51.21),
    }


def test_totals_survive_the_way_through_a_row_and_levels_are_not_among_them() -> None:
    tallies = Tallies()
    tallies.add(COUNTER, 'odd "kind"\n', amount=2)
    tallies.move(LEVEL, 1)
    tallies.move(LEVEL, 1)
    tallies.move(LEVEL, -1)
    assert tallies.levels() == {("test_open",): 1}
    assert packed(tallies.totals()).count("test_things_total") == 1
    assert unpacked(orjson.loads(packed(tallies.totals()))) == tallies.totals()


def test_a_mistake_in_counting_is_logged_and_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    tallies = Tallies()
    with caplog.at_level(logging.ERROR):
        tallies.add(COUNTER)
        tallies.observe(HISTOGRAM, "much", "a")  # type: ignore[arg-type]
        tallies.move(LEVEL, 1, "one label too many")
    assert [record.message for record in caplog.records] == [
        "test_things_total was not counted",
        "test_seconds was not observed",
        "test_open was not moved",
    ]
    assert {series[0] for series in tallies.totals()} <= {"test_seconds"}


async def total(name: str, *labels: str) -> float:
    """Over all workers, living and gone."""
    workers, gone = await worker_tallies.read()
    series = (name, *labels)
    return sum(unpacked(one).get(series, 0.0) for one in (*(row.totals for row in workers), gone))


async def test_no_total_falls_when_a_worker_signs_out_or_is_forgotten(database: TortoiseContext) -> None:
    tallies = Tallies()
    assert not await worker_tallies.keep("a", "{}", running=0, memory_bytes=1, cpu_seconds=0.5)
    for worker in ("a", "b", "c"):
        await job_queue.sign_in(worker, ["TEST_NOOP"], 2)
        tallies.add(COUNTER, "k")
        assert await worker_tallies.keep(
            worker, packed(tallies.totals()), running=1, memory_bytes=5 << 30, cpu_seconds=0.5
        )
    assert await total("test_things_total", "k") == 1 + 2 + 3
    await worker_tallies.sign_out("a")
    assert await total("test_things_total", "k") == 6
    tallies.add(COUNTER, "k")
    await worker_tallies.sign_out("c", packed(tallies.totals()))  # it counted one more since
    assert await total("test_things_total", "k") == 7
    await worker_tallies.forget(0.0)
    assert await total("test_things_total", "k") == 7
    assert (await worker_tallies.read())[0] == []
    await worker_tallies.forget(0.0)
    await worker_tallies.sign_out("c")
    assert await total("test_things_total", "k") == 7


async def test_what_alerts_watch_is_a_zero_before_it_is_a_one(services: Services, redis_url: str) -> None:
    """Else the first lost lease would be no increase."""
    rounds = Rounds(Runner("w", services, HANDLERS, {}, 1), services)
    for _ in range(2):
        await rounds.sign_of_life()
    (row,), _ = await worker_tallies.read()
    found = unpacked(row.totals)
    assert found[families.LEASES_LOST.name, NOOP.name] == 0
    assert found[families.CRASHES.name, NOOP.name, "worker"] == 0
    assert found[families.ENDED.name, NOOP.name, "failed"] == 0
    assert found[TRIES.name, "given_up"] == 0


async def test_a_run_is_counted_as_it_ended(services: Services, redis_url: str) -> None:
    async with worker_here(services, options(redis_url, children=1)):
        crashing = await submitted(services, CHILD.name, function="segfault")
        for kind, params in ((NOOP, {}), (FAILS, {"how": "input"}), (FAILS, {"how": "disk", "times": 1})):
            await ended((await submitted(services, kind.name, **params)).id)
        await until(crashing.id, lambda job: job.crashes == 2)
    found = services.tallies.totals()  # a run is counted after its row says how it ended
    assert found[families.ENDED.name, "TEST_NOOP", "completed"] == 1
    assert found[families.ENDED.name, "TEST_FAILS", "failed"] == 1
    assert found[families.ENDED.name, "TEST_FAILS", "completed"] == 1
    assert found[families.RETRIES.name, "TEST_FAILS"] == 1
    assert found[families.CRASHES.name, "TEST_CHILD", "child"] == 2
    assert found[families.BELLS_RUNG.name,] >= 4
    assert {n for series, n in found.items() if series[0] == families.LEASES_LOST.name} <= {0}
    runs: defaultdict[str, float] = defaultdict(float)
    for series, number in found.items():
        if series[0] == families.RUN_SECONDS.name and series[-1] != SUM:
            runs[series[2]] += number
    assert runs == {"completed": 2, "failed": 1, "retried": 1, "crashed": 2}
    assert await total(families.ENDED.name, "TEST_NOOP", "completed") == 1  # it signed out with it


def test_words_that_clients_make_up_are_few_and_short() -> None:
    tallies = Tallies()
    assert [tallies.known("names", word, most=2) for word in ("a", "b" * 101, "b", "c", "a")] == [
        "a",
        "other",
        "b",
        "other",
        "a",
    ]
