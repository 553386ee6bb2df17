"""`starling serve` as a person meets it: it starts, is killed in every way, and nothing is left or lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.engines import Home
from tests.support.processes import living, wait_until_none
from tests.support.serve_command import STOP_SECONDS, serving
from tests.support.server import address, environment, lasting_port, starling

# The first start on a machine compiles kernels.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def refusal(home: Path, *arguments: str, **settings: str) -> str:
    """What a command that must fail says: one sentence, exit code 1."""
    home.parent.mkdir(exist_ok=True)
    log = home.parent / f"refused-{time.monotonic_ns()}.log"
    log.touch()
    process = starling(list(arguments), environment(home, **settings), log)
    try:
        assert process.wait(30) == 1, log.read_text()
    finally:
        process.kill()
        process.wait()
    said = log.read_text().strip()
    assert said.startswith("starling: "), said
    assert len(said.splitlines()) == 1, said
    return said


def wait_until(is_so: Any, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def told(log: Path) -> list[str]:
    """Its lines, less those of a Redis that a busy machine made wait."""
    return [line for line in log.read_text().splitlines() if not SLOW_REDIS.search(line)]


SLOW_REDIS = re.compile(r"live events: Redis (is away \(TimeoutError\)|is behind the jobs|has caught up)")
CREATE = 'mutation { createParticleSystem(input: {name: "kept", particleType: SNOW}) { id } }'
COUNT = "{ particleSystems(first: 5) { totalCount } }"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_everything_it_started(left_behind: Path, number: signal.Signals) -> None:
    with serving(left_behind / "home", workers=1) as running:
        assert len(told(running.log)) == 1
        wait_until(lambda: running.status("/ready") == 200)
        assert len(told(running.log)) == 1, "quiet when all is well"
        assert set(running.pids()) == {"postgres", "redis-server", "api", "worker 1"}
        assert running.stop(number) == 0
    assert living(str(left_behind)) == {}


def test_several_api_processes_are_one_server_that_ends_as_one(left_behind: Path) -> None:
    with serving(left_behind / "home", "--api-processes", "3") as running:
        running.ask(CREATE)  # the first one answers for those that are still to come
        wait_until(lambda: set(running.apis()) == {"api", "api 2", "api 3"})
        for name in running.apis():
            with running.only(name):
                wait_until(lambda: running.status("/health") == 200)
                assert running.ask(COUNT)["particleSystems"]["totalCount"] == 1
        assert len(told(running.log)) == 1
        assert running.stop() == 0
        assert not (running.home / "tallies").exists()
    assert living(str(left_behind)) == {}


def test_who_asks_twice_does_not_wait(left_behind: Path) -> None:
    with serving(left_behind / "home") as running:
        os.kill(running.pids()["api"], signal.SIGSTOP)
        running.process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(1.0)
        began = time.monotonic()
        assert running.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 5.0


def test_closing_the_terminal_is_an_orderly_end(left_behind: Path) -> None:
    with serving(left_behind / "home") as running:
        assert running.stop(signal.SIGHUP) == 0
        assert living(str(left_behind)) == {}


def test_after_kill_of_serve_alone_nothing_lives_on(left_behind: Path) -> None:
    with serving(left_behind / "home", workers=1) as running:
        wait_until(lambda: running.status("/ready") == 200)
        assert len(living(str(left_behind))) > 6  # the children of its children are among them
        running.process.kill()
        running.process.wait()
        left, _ = wait_until_none(str(left_behind), 6.0)
        assert left == {}


def test_after_kill_of_everything_the_next_start_at_once_has_all_data(left_behind: Path) -> None:
    home = left_behind / "home"
    for round_number in (1, 2):
        with serving(home) as running:
            running.ask(CREATE)
            running.process.kill()
            for pid in living(str(left_behind)):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        with serving(home) as running:
            assert running.ask(COUNT)["particleSystems"]["totalCount"] == round_number


def test_a_worker_that_was_killed_with_everything_is_not_ready_work(left_behind: Path) -> None:
    home = left_behind / "home"
    with serving(home, workers=1) as running:
        wait_until(lambda: running.status("/ready") == 200)
        running.process.kill()
    with serving(home, workers=0) as running:
        assert running.status("/ready") == 503


def test_an_existing_home_answers_soon(left_behind: Path) -> None:
    with serving(left_behind / "home") as running:
        running.stop()
    began = time.monotonic()
    with serving(left_behind / "home") as running:
        running.ask(COUNT)
        assert time.monotonic() - began < 12.0  # three times the limit of an idle machine


def test_parts_that_die_come_back_and_the_port_stays(left_behind: Path) -> None:
    with serving(left_behind / "home", workers=1) as running:
        running.ask(CREATE)
        wait_until(lambda: running.status("/ready") == 200)
        for name in ("api", "worker 1", "redis-server", "postgres"):
            before = running.pids()[name]
            os.kill(before, signal.SIGKILL)
            wait_until(lambda name=name, before=before: running.pids().get(name, before) != before)
            wait_until(lambda: running.status("/ready") == 200)
            assert running.ask(COUNT)["particleSystems"]["totalCount"] == 1


def test_two_homes_beside_each_other(left_behind: Path) -> None:
    with serving(left_behind / "one") as one, serving(left_behind / "two") as two:
        one.ask(CREATE)
        assert one.ask(COUNT)["particleSystems"]["totalCount"] == 1
        assert two.ask(COUNT)["particleSystems"]["totalCount"] == 0


def test_a_second_server_on_one_home_and_others_that_join_it(left_behind: Path) -> None:
    home = left_behind / "home"
    with serving(home) as running:
        assert "already" in refusal(home, "serve", "--port", "0")
        port = running.url.rpartition(":")[2]
        assert f"Port {port} of 127.0.0.1 cannot be used" in refusal(
            left_behind / "other", "serve", "--port", port
        )
        assert not (left_behind / "other").exists()
        running.ask(CREATE)
        log = left_behind / "api.log"
        log.touch()
        api = starling(["api", "--port", "0"], environment(home), log)
        try:
            url = address(api, log)
            answer = httpx.post(f"{url}/graphql", json={"query": COUNT}, timeout=30).json()
            assert answer["data"]["particleSystems"]["totalCount"] == 1
            api.send_signal(signal.SIGTERM)
            assert api.wait(20) == 0
        finally:
            api.kill()
            api.wait()
        assert running.status("/health") == 200


@pytest.mark.parametrize("command", ["api", "worker"])
def test_without_engines_a_sentence(left_behind: Path, command: str) -> None:
    said = refusal(left_behind / "home", command)
    assert "starling serve" in said
    assert "DATABASE_URL" in said


def test_what_may_not_be_served_is_a_sentence(left_behind: Path) -> None:
    home = left_behind / "home"
    assert "STARLING_ALLOW_OPEN" in refusal(home, "serve", "--host", "0.0.0.0", "--port", "0")
    assert "STARLING_WORKRES" in refusal(home, "serve", "--port", "0", STARLING_WORKRES="2")
    assert "sslmode" in refusal(
        home, "serve", "--port", "0", DATABASE_URL="postgresql://localhost/a?sslmode=x"
    )
    away = "postgresql://postgres@localhost:1/a?connect_timeout=2"
    assert "does not answer" in refusal(home, "serve", "--port", "0", DATABASE_URL=away)
    assert "does not answer" in refusal(
        home, "api", "--port", "0", DATABASE_URL=away, REDIS_URL="redis://localhost:1"
    )
    assert "STORAGE_URL" in refusal(home, "serve", "--port", "0", STORAGE_URL="ftp://example/a")


def test_pending_migrations_are_refused_and_migrate_applies_them(
    left_behind: Path, empty_database_url: str, redis_url: str
) -> None:
    given = {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url}
    for command in (["api", "--port", "0"], ["worker"]):
        assert "starling migrate" in refusal(left_behind / "home", *command, **given)
    log = left_behind / "log"
    for said in ("Applied: 0001_initial", "The database is up to date."):
        assert starling(["migrate"], environment(left_behind / "home", **given), log).wait(30) == 0
        assert log.read_text().splitlines()[-1].startswith(said)


def test_migrate_starts_engines_for_itself(left_behind: Path) -> None:
    log = left_behind / "log"
    assert starling(["migrate"], environment(left_behind / "home"), log).wait(30) == 0
    assert log.read_text().startswith("Applied: 0001_initial")
    assert living(str(left_behind / "home")) == {}
    with serving(left_behind / "home") as running:
        assert starling(["migrate"], environment(left_behind / "home"), log).wait(30) == 0
        assert log.read_text().splitlines()[-1] == "The database is up to date."
        assert running.status("/health") == 200


def test_urls_replace_both_engines(left_behind: Path, database_url: str, redis_url: str) -> None:
    home = left_behind / "home"
    with serving(home, DATABASE_URL=database_url, REDIS_URL=redis_url) as running:
        running.ask(CREATE)
        assert set(running.pids()) == {"api"}
        assert not (home / "postgres").exists()


def test_what_others_work_on_in_the_home_stays(left_behind: Path, database_url: str, redis_url: str) -> None:
    """A `starling worker` or `starling api` beside the server outlives it, with work in hand."""
    scratch = left_behind / "home" / "scratch"
    staged = [scratch / "jobs" / f"{uuid4()}-1" / "film.mp4", scratch / "uploads" / uuid4().hex]
    for path in staged:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"begun")
    with serving(left_behind / "home", DATABASE_URL=database_url, REDIS_URL=redis_url):
        assert [path.read_bytes() for path in staged] == [b"begun", b"begun"]


def test_ready_names_what_is_missing(left_behind: Path) -> None:
    with serving(left_behind / "home") as running:
        answer = httpx.get(f"{running.url}/ready")
        assert answer.status_code == 503
        assert [one.partition(":")[0] for one in answer.json()["missing"]] == ["workers"]
        pids = running.pids()
        os.kill(pids["redis-server"], signal.SIGSTOP)
        answer = httpx.get(f"{running.url}/ready", timeout=20)
        assert [one.partition(":")[0] for one in answer.json()["missing"]] == ["workers", "redis"]
        os.kill(pids["redis-server"], signal.SIGCONT)
        os.kill(pids["postgres"], signal.SIGSTOP)
        answer = httpx.get(f"{running.url}/health", timeout=6)
        assert answer.status_code == 200
        os.kill(pids["postgres"], signal.SIGCONT)


def test_a_home_is_not_owned_by_who_only_looks(left_behind: Path) -> None:
    home = Home(left_behind / "home")
    assert not home.is_owned()
    with home.owned():
        assert home.is_owned()
    assert not home.is_owned()


def test_a_free_port_is_really_free_after_a_kill(left_behind: Path) -> None:
    """The next server gets the port at once: connections of the last one do not hold it."""
    port = lasting_port()
    with (
        serving(left_behind / "home", "--port", str(port)) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        assert client.get("/health").status_code == 200
        running.process.kill()
        running.process.wait()
        wait_until_none(str(left_behind), 6.0)
    log = left_behind / "again.log"
    log.touch()
    again = starling(
        ["serve", "--port", str(port)], environment(left_behind / "home", STARLING_WORKERS="0"), log
    )
    try:
        assert address(again, log).endswith(f":{port}")
    finally:
        again.terminate()
        again.wait(STOP_SECONDS)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass
