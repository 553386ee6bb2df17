"""The pool of killable children, with real processes and real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import psutil
import pytest
import uvloop

from render.errors import MediaTooLarge
from tests.support.processes import pool_children
from workers.child_link import ROOT, ChildLink
from workers.children import ChildDied, ChildFailed, ChildPool, ChildTimeout, Sandbox

CALLS = "tests.failures.child_calls"


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    async with ChildPool(2, warm=f"{CALLS}:warm", memory_limit_bytes=300 << 20) as pool:
        yield pool


async def until(claim: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.01)


async def marked(path: Path) -> int:
    """The pid that a child wrote there."""
    await until(lambda: path.exists() and bool(path.read_text()))
    return int(path.read_text())


async def test_runs_in_warm_children_that_stay(pool: ChildPool) -> None:
    await pool.warmed()
    assert pool.is_warm and len(pool.pids()) == 2
    assert await pool.run(f"{CALLS}:add", 2, 3) == 5
    assert await pool.run(f"{CALLS}:is_warm") is True
    seen = {await pool.run(f"{CALLS}:pid") for _ in range(6)}
    assert seen <= set(pool.pids()) and os.getpid() not in seen


async def test_progress_arrives_in_order_before_the_result(pool: ChildPool) -> None:
    heard: list[tuple[float, str | None]] = []
    result = await pool.run(f"{CALLS}:count_up", 50_000, on_progress=lambda *said: heard.append(said))
    assert result == 50_000
    assert heard[0] == (100 / 50_000, "step 1") and heard[-1] == (100.0, "step 50000")
    assert heard == sorted(heard) and len(heard) < 20


async def test_an_error_passes_with_its_type_and_the_child_goes_on(pool: ChildPool) -> None:
    await pool.warmed()
    before = pool.pids()
    with pytest.raises(MediaTooLarge, match="the limit is 8") as caught:
        await pool.run(f"{CALLS}:raise_render_error")
    assert "raise_render_error" in "".join(caught.value.__notes__)
    with pytest.raises(ChildFailed, match="_Private: 1 and 2"):
        await pool.run(f"{CALLS}:raise_unpicklable")
    with pytest.raises(AttributeError):
        await pool.run(f"{CALLS}:no_such_function")
    assert pool.pids() == before


async def test_arguments_that_cannot_travel_cost_no_child(pool: ChildPool) -> None:
    await pool.warmed()
    before = pool.pids()
    with pytest.raises(Exception, match="pickle"):
        await pool.run(f"{CALLS}:add", lambda: 1, 2)
    assert await pool.run(f"{CALLS}:add", 1, 2) == 3
    assert pool.pids() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_death_by_signal_is_seen_at_once(pool: ChildPool, number: int) -> None:
    await pool.warmed()
    began = time.monotonic()
    with pytest.raises(ChildDied) as caught:
        await pool.run(f"{CALLS}:die_by", int(number))
    assert caught.value.signal == number and caught.value.reason == "signal"
    assert time.monotonic() - began < 1.5
    assert await pool.run(f"{CALLS}:add", 1, 1) == 2
    await pool.warmed()


async def test_a_segfault_and_an_exit_are_told_apart(pool: ChildPool) -> None:
    with pytest.raises(ChildDied) as caught:
        await pool.run(f"{CALLS}:segfault")
    assert caught.value.signal == signal.SIGSEGV
    with pytest.raises(ChildDied) as caught:
        await pool.run(f"{CALLS}:leave")
    assert (caught.value.reason, caught.value.signal) == ("exit", None)


async def test_cancel_kills_a_deaf_child_at_once_and_fills_its_place(pool: ChildPool, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    running = asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, str(mark)))
    pid = await marked(mark)
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 1.5  # three times the limit of an idle machine
    assert not psutil.pid_exists(pid)
    await pool.warmed()
    assert len(pool.pids()) == 2 and pid not in pool.pids()


async def test_cancel_before_a_child_is_free_runs_nothing(tmp_path: Path) -> None:
    async with ChildPool(1) as pool:
        first, second = tmp_path / "first", tmp_path / "second"
        busy = asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, str(first)))
        pid = await marked(first)
        waiting = asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, str(second)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pool.pids() == [pid]
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy
        assert await pool.run(f"{CALLS}:add", 1, 1) == 2
        assert not second.exists()


async def test_a_call_over_its_time_is_ended(pool: ChildPool, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    with pytest.raises(ChildTimeout, match=r"1\.5 s"):  # time enough to leave its mark
        await pool.run(f"{CALLS}:hold_in_c", 60, str(mark), timeout=1.5)
    assert not psutil.pid_exists(int(mark.read_text()))


async def test_a_child_over_its_memory_is_ended(pool: ChildPool) -> None:
    with pytest.raises(ChildDied) as caught:
        await pool.run(f"{CALLS}:hog", 600 << 20, timeout=20)
    assert caught.value.reason == "memory"
    assert await pool.run(f"{CALLS}:add", 1, 1) == 2


async def test_death_in_the_middle_of_a_frame_jams_nobody(pool: ChildPool) -> None:
    others = [pool.run(f"{CALLS}:add", n, n) for n in range(20)]
    poison = pool.run(f"{CALLS}:die_in_mid_frame", on_progress=lambda *_: None)
    results = await asyncio.gather(poison, *others, return_exceptions=True)
    assert isinstance(results[0], ChildDied)
    assert results[1:] == [2 * n for n in range(20)]


async def test_an_idle_child_that_is_killed_is_replaced(pool: ChildPool) -> None:
    await pool.warmed()
    victim = pool.pids()[0]
    os.kill(victim, signal.SIGKILL)
    await until(lambda: victim not in pool.pids() and pool.is_warm)
    assert [await pool.run(f"{CALLS}:add", n, 0) for n in range(4)] == [0, 1, 2, 3]


async def test_random_kills_and_cancels_lose_no_call_and_no_place() -> None:
    """Every call ends with its own result or ChildDied; afterwards the pool is whole."""
    random = Random(5)
    victims: set[int] = set()

    async def killer(pool: ChildPool) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.05, 0.25))
            if pids := pool.pids():
                victims.add(victim := random.choice(pids))
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)

    async def caller(pool: ChildPool, number: int) -> str:
        try:
            async with asyncio.timeout(random.uniform(0.001, 0.3)):
                assert await pool.run(f"{CALLS}:slow_add", number, 1) == number + 1
        except (ChildDied, TimeoutError) as error:
            return type(error).__name__
        return "result"

    async with ChildPool(3) as pool:
        await pool.warmed()
        killing = asyncio.create_task(killer(pool))
        ends = [await asyncio.gather(*(caller(pool, n) for n in range(12))) for _ in range(15)]
        killing.cancel()
        await until(lambda: not victims & set(pool.pids()))  # one that dies could still be given a call
        await pool.warmed()
        seen = {end for row in ends for end in row}
        assert "result" in seen and seen <= {"result", "ChildDied", "TimeoutError"}
        assert [await pool.run(f"{CALLS}:add", n, n) for n in range(10)] == [2 * n for n in range(10)]
        ours = [child.pid for child in pool_children()]
        assert sorted(ours) == pool.pids() and len(ours) == 3


async def test_close_leaves_no_process_no_descriptor_and_no_waiter(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    pool = ChildPool(2)
    mark = tmp_path / "pid"
    calls = [asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, str(mark))) for _ in range(3)]
    await marked(mark)
    pids = pool.pids()
    await pool.close()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ChildDied] * 3
    assert not any(psutil.pid_exists(pid) for pid in pids)
    await asyncio.sleep(0)
    assert set(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildDied, match="closed"):
        await pool.run(f"{CALLS}:add", 1, 1)


@pytest.mark.parametrize("steps", range(7))
async def test_close_at_any_step_of_a_beginning_call_answers_it(steps: int) -> None:
    """Between the queue and the child a call is nobody's for a few turns of the loop."""
    pool = ChildPool(1)
    await pool.warmed()
    call = asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, os.devnull))
    for _ in range(steps):
        await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(ChildDied):
        await asyncio.wait_for(call, 5.0)


@pytest.mark.parametrize("steps", range(4))
async def test_close_while_a_late_child_is_ended_answers_its_call(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, ending, end = ChildPool(1), asyncio.Event(), ChildLink.end

    async def slow_end(child: ChildLink) -> None:
        ending.set()
        await asyncio.sleep(0.05)
        await end(child)

    monkeypatch.setattr(ChildLink, "end", slow_end)
    call = asyncio.create_task(pool.run(f"{CALLS}:hold_in_c", 60, os.devnull, timeout=0.1))
    await ending.wait()
    for _ in range(steps):
        await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(ChildTimeout):
        await asyncio.wait_for(call, 5.0)


async def test_close_while_children_start_leaves_nothing() -> None:
    pool = ChildPool(3)
    pool.start()
    await asyncio.sleep(0.01)
    await pool.close()
    assert not [child for child in psutil.Process().children() if "workers.child" in child.cmdline()]


async def test_children_that_cannot_get_warm_say_why() -> None:
    async with ChildPool(1, warm=f"{CALLS}:warm_fails") as pool:
        with pytest.raises(ChildFailed, match="no kernel today"):
            await pool.run(f"{CALLS}:add", 1, 1)
        assert not pool.is_warm


async def test_a_child_inherits_no_socket_and_no_secret() -> None:
    environ = dict(os.environ) | {"DATABASE_URL": "postgres://secret", "AWS_SECRET_ACCESS_KEY": "secret"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        async with ChildPool(1, environ=environ) as pool:
            assert len(await pool.run(f"{CALLS}:open_sockets")) == 1
            theirs = await pool.run(f"{CALLS}:environ")
    assert not {"DATABASE_URL", "AWS_SECRET_ACCESS_KEY"} & set(theirs)
    assert "secret" not in "".join(theirs.values())


async def test_a_child_is_nice_and_leaves_no_core() -> None:
    async with ChildPool(1, nice=7) as pool:
        assert await pool.run(f"{CALLS}:priority") == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 7)
        assert await pool.run(f"{CALLS}:core_limit") == 0


async def test_a_child_cannot_answer_with_code(pool: ChildPool) -> None:
    with pytest.raises(ChildFailed, match="may not come out of a child"):
        await pool.run(f"{CALLS}:answer_with_code")
    assert not Path("/tmp/starling-should-not-exist").exists()
    assert await pool.run(f"{CALLS}:add", 1, 1) == 2


async def test_a_sandbox_bounds_memory_files_and_processor_time(tmp_path: Path) -> None:
    limits = Sandbox(address_space_bytes=1 << 30, cpu_seconds=1, file_bytes=1 << 20)
    async with ChildPool(1, sandbox=limits) as pool:
        with pytest.raises(MemoryError):
            await pool.run(f"{CALLS}:allocate", 2 << 30)
        with pytest.raises(OSError, match="File too large"):
            await pool.run(f"{CALLS}:write_much", str(tmp_path / "big"), 2 << 20)
        with pytest.raises(ChildDied) as caught:
            await pool.run(f"{CALLS}:burn", timeout=30)
        assert caught.value.signal == signal.SIGXCPU
        assert await pool.run(f"{CALLS}:add", 1, 1) == 2


def test_the_pool_works_on_uvloop_too() -> None:
    async def main() -> list[int]:
        async with ChildPool(1) as pool:
            with pytest.raises(ChildTimeout):
                await pool.run(f"{CALLS}:hold_in_c", 60, timeout=0.2)
            return [await pool.run(f"{CALLS}:add", n, 1) for n in range(3)]

    assert uvloop.run(main()) == [1, 2, 3]


_PARENT = f"""
import asyncio
from workers.children import ChildPool

async def main() -> None:
    pool = ChildPool(2)
    await pool.warmed()
    print(*pool.pids(), flush=True)
    await pool.run("{CALLS}:hold_in_c", 600)

asyncio.run(main())
"""


async def test_children_die_with_a_killed_parent_even_when_busy_and_deaf() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent, parent.stdout as out:
        pids = [int(word) for word in out.readline().split()]
        assert len(pids) == 2 and all(psutil.pid_exists(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        await until(lambda: not any(_lives(pid) for pid in pids), 5)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
