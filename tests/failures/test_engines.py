"""The embedded engines where it is hard: who may run them, where they may lie, and what crashes leave."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis as redis_client

from app.engines import EngineError, Home, binaries, open_engines, processes
from app.engines.home import socket_bases, socket_folder
from app.engines.postgres import Postgres
from tests.support import databases
from tests.support.owners import Owner, owner
from tests.support.processes import living, wait_until_none

IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(
    not IS_ROOT, reason="only root can become another user; the rest runs as this user"
)
ORDINARY = 4711  # has no name in the passwd file: the harder case


@pytest.fixture
def place(left_behind: Path) -> Path:
    return left_behind


def answers(running: Owner) -> bool:
    one = databases.fetch(running.database_url, "SELECT 1 AS one")
    with redis_client.Redis.from_url(running.redis_url) as client:
        return one == [{"one": 1}] and bool(client.ping())


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def test_a_long_path_with_spaces_below_a_closed_folder(place: Path) -> None:
    closed = place / "nobody else's"
    closed.mkdir(mode=0o700)
    home = closed / ("a long name " * 20)[: 150 - len(str(closed))]
    assert len(str(home)) > 140
    with owner(home) as running:
        assert "error" not in running.said
        assert answers(running)
        sockets = Path(running.redis_url.removeprefix("unix://")).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


@as_root
@pytest.mark.parametrize("uid", [65534, ORDINARY])
def test_as_an_ordinary_user(place: Path, uid: int) -> None:
    with owner(place / "home", user=uid) as running:
        assert "error" not in running.said
        assert answers(running)
        assert (place / "home" / "postgres").stat().st_uid == uid
        assert Path(f"/proc/{running.postgres}").stat().st_uid == uid


@as_root
def test_as_root_in_a_namespace_of_its_own(place: Path) -> None:
    with owner(place / "home") as running:
        assert running.identity == "a user namespace"
        assert Path(f"/proc/{running.postgres}/uid_map").read_text().split() == ["65534", "0", "1"]
        assert answers(running)


@as_root
@pytest.mark.parametrize("closed", [False, True], ids=["reachable", "behind a closed folder"])
def test_as_nobody_where_namespaces_are_refused(place: Path, closed: bool) -> None:
    if closed:
        place.chmod(0o700)
    with owner(place / "home", confined=65536) as running:
        assert running.identity == "the user nobody"
        assert answers(running)
        assert Path(f"/proc/{running.postgres}").stat().st_uid == 65534
        assert running.data.startswith("/var/lib/starling/" if closed else str(place))
    assert not Path("/var/lib/starling").exists()


@as_root
def test_a_sentence_where_no_identity_works(place: Path) -> None:
    with owner(place / "home", confined=1) as running:
        assert "DATABASE_URL" in running.error
        assert "run as an ordinary user" in running.error


@as_root
def test_the_data_goes_along_when_the_identity_changes(place: Path) -> None:
    with owner(place / "home") as running:
        databases.execute(running.database_url, "CREATE TABLE kept AS SELECT 42 AS n")
    for _ in range(2):
        with owner(place / "home", confined=65536) as running:
            assert databases.fetch(running.database_url, "SELECT n FROM kept") == [{"n": 42}]
    with owner(place / "home") as running:
        assert running.identity == "a user namespace"
        assert databases.fetch(running.database_url, "SELECT n FROM kept") == [{"n": 42}]


@as_root
def test_data_that_lay_elsewhere_and_is_gone_is_not_begun_anew(place: Path) -> None:
    """/var/lib of a container that was made again is empty: an empty database would hide that."""
    place.chmod(0o700)
    with owner(place / "home", confined=65536) as running:
        assert running.data.startswith("/var/lib/starling/")
    with owner(place / "home", confined=65536) as running:
        assert "is not there: put it back" in running.error


def test_two_homes_do_not_collide(place: Path) -> None:
    with owner(place / "one") as one, owner(place / "two") as two:
        assert one.database_url != two.database_url
        assert one.redis_url != two.redis_url
        assert answers(one)
        assert answers(two)


def test_a_second_owner_is_refused_with_a_sentence(place: Path) -> None:
    with owner(place / "home") as one, owner(place / "home") as two:
        assert f"process {one.process.pid}" in two.error
        assert "STARLING_HOME" in two.error
        assert answers(one)


def test_an_existing_home_starts_fast(place: Path) -> None:
    with owner(place / "home"):
        pass
    seconds = []
    for _ in range(3):
        with owner(place / "home") as running:
            seconds.append(running.seconds)
    assert min(seconds) < 1.5  # three times the half second that is promised; here it is about 0.05 s


def test_after_kill_of_everything_the_next_start_at_once_has_all_data(place: Path) -> None:
    for round_number in range(3):
        with owner(place / "home") as running:
            if round_number == 0:
                databases.execute(running.database_url, "CREATE TABLE songs (n int)")
            databases.execute(running.database_url, f"INSERT INTO songs VALUES ({round_number})")
            with redis_client.Redis.from_url(running.redis_url) as client:
                client.rpush("songs", round_number)
            time.sleep(1.1)  # Redis writes its log to disk each second
            kill(*running.pids)
    with owner(place / "home") as running:
        rows = databases.fetch(running.database_url, "SELECT n FROM songs ORDER BY n")
        assert [row["n"] for row in rows] == [0, 1, 2]
        with redis_client.Redis.from_url(running.redis_url) as client:
            assert client.lrange("songs", 0, -1) == [b"0", b"1", b"2"]


def test_after_kill_of_the_owner_alone_nothing_lives_on(place: Path) -> None:
    with owner(place / "home") as running:
        kill(running.process.pid)
        running.process.wait()
        left, seconds = wait_until_none(str(place), 6.0)
        assert left == {}
        assert seconds < 6.0


def test_a_start_right_after_the_owner_was_killed(place: Path) -> None:
    with owner(place / "home") as first:
        databases.execute(first.database_url, "CREATE TABLE kept AS SELECT 1 AS n")
        kill(first.process.pid)
        with owner(place / "home") as second:
            assert "error" not in second.said
            assert databases.fetch(second.database_url, "SELECT n FROM kept") == [{"n": 1}]


def test_a_stopped_leftover_is_ended_by_the_next_owner(place: Path) -> None:
    """An engine that cannot act on its death signal, because somebody stopped it."""
    with owner(place / "home") as first:
        os.kill(first.redis, signal.SIGSTOP)
        kill(first.process.pid)
        first.process.wait()
        with owner(place / "home") as second:
            assert answers(second)
            assert processes.start_ticks(first.redis) is None


def test_a_lock_file_whose_pid_lives_on_as_another_process(place: Path) -> None:
    with owner(place / "home") as running:
        kill(*running.pids)
    lock = place / "home" / "postgres" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with owner(place / "home") as again:
            assert answers(again)
        assert stranger.poll() is None
        stranger.kill()


def test_a_recorded_pid_that_is_another_process_now_is_left_alone(place: Path) -> None:
    home = Home(place / "home")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        found = processes.identify("postgres", stranger.pid)
        assert found is not None
        other = processes.Started("postgres", stranger.pid, found.start_ticks - 1, found.boot_id)
        home.path.mkdir()
        processes.write_record(home.record, other)
        with home.owned():
            assert stranger.poll() is None
        stranger.kill()


def test_a_recorded_process_that_ignores_sigterm_is_killed(place: Path) -> None:
    home = Home(place / "home")
    home.path.mkdir()
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        found = processes.identify("worker", stubborn.pid)
        assert found is not None
        processes.write_record(home.record, found)
        began = time.monotonic()
        with home.owned():
            assert time.monotonic() - began < 6.0
        assert stubborn.wait(1) == -signal.SIGKILL


def test_an_interrupted_first_start_leaves_nothing_half_made(place: Path) -> None:
    half = place / "home" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with owner(place / "home") as running:
        assert answers(running)
    assert not half.exists()


def test_damaged_redis_data_is_put_aside(place: Path) -> None:
    with owner(place / "home"):
        pass
    (place / "home" / "redis" / "appendonly.aof").write_bytes(b"*9\r\nnonsense\r\n" * 20)
    with owner(place / "home") as running:
        assert answers(running)
    assert list((place / "home" / "redis").glob("damaged-*"))


def test_data_of_another_version_is_a_sentence(place: Path) -> None:
    with owner(place / "home"):
        pass
    (place / "home" / "postgres" / "PG_VERSION").write_text("17\n")
    with owner(place / "home") as running:
        assert "PostgreSQL 17" in running.error
        assert "DATABASE_URL" in running.error


def test_a_server_that_does_not_come_up_says_why(place: Path) -> None:
    home = Home(place / "home")
    with (
        pytest.raises(EngineError, match="max_connections"),
        open_engines(home, postgres_settings={"max_connections": "many"}),
    ):
        pass
    assert living(str(place)) == {}
    assert not home.is_owned()


def test_a_home_that_cannot_be_made_is_a_sentence(place: Path) -> None:
    (place / "file").write_text("")
    with owner(place / "file" / "home") as running:
        assert "STARLING_HOME" in running.error


def test_what_replaces_an_engine_is_not_started(place: Path) -> None:
    with open_engines(Home(place / "one"), database_url="postgresql://elsewhere/db") as engines:
        assert engines.postgres is None
        assert engines.addresses.database_url == "postgresql://elsewhere/db"
        assert [name for name in living(str(place)).values() if "postgres" in name] == []
    with open_engines(Home(place / "two"), redis_url="redis://elsewhere/0") as engines:
        assert engines.redis is None
        assert engines.addresses.redis_url == "redis://elsewhere/0"


def test_others_find_a_running_home(place: Path) -> None:
    home = Home(place / "home")
    assert home.running() is None
    with owner(place / "home") as running:
        found = home.running()
        assert found is not None
        assert (found.database_url, found.redis_url) == (running.database_url, running.redis_url)
        kill(*running.pids)
    assert home.running() is None


def test_the_engines_listen_on_unix_sockets_only(place: Path) -> None:
    with owner(place / "home") as running:
        for pid in (running.postgres, running.redis):
            inodes = {
                os.readlink(one)
                for one in Path(f"/proc/{pid}/fd").iterdir()
                if one.exists() or one.is_symlink()
            }
            listening = [
                line.split()
                for table in ("tcp", "tcp6", "udp", "udp6")
                for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
            ]
            assert not [line for line in listening if f"socket:[{line[9]}]" in inodes]


def test_an_orderly_end_leaves_no_sockets_and_a_large_log_is_put_aside(place: Path) -> None:
    with owner(place / "home") as running:
        sockets = Path(running.redis_url.removeprefix("unix://")).parent
        assert sockets.is_dir()
    assert not sockets.exists()
    log = place / "home" / "logs" / "postgres.log"
    log.write_bytes(b"." * (11 * 1024**2))
    with owner(place / "home"):
        assert log.stat().st_size < 1024**2
        assert log.with_suffix(".log.old").exists()


def test_a_socket_folder_of_somebody_else_is_not_used(place: Path) -> None:
    (place / f"starling-{os.geteuid()}-feed").symlink_to("/tmp")
    with pytest.raises(EngineError, match="belongs to somebody else"):
        socket_folder(place, "feed", os.geteuid(), os.getegid())


def test_an_open_socket_folder_is_closed(place: Path) -> None:
    folder = place / f"starling-{os.geteuid()}-feed"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    assert socket_folder(place, "feed", os.geteuid(), os.getegid()) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_runtime_folder_is_used_unless_its_path_is_too_long(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = place / "run", place / ("r" * 80)
    for folder in (short, long):
        folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    assert socket_bases()[0] == short
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert socket_bases() == [Path("/tmp")]
    name = socket_folder(short, "0" * 12, os.geteuid(), os.getegid()) / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(name))


def test_children_are_started_from_the_main_thread_only() -> None:
    refused: list[str] = []

    def start() -> None:
        try:
            processes.spawn(["true"], death_signal=signal.SIGKILL)
        except RuntimeError as error:
            refused.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in refused[0]


def test_missing_programs_are_sentences_that_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "POSTGRES_WHEEL", "no_such_wheel")
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EngineError, match="DATABASE_URL"):
        binaries.postgres_folder()
    with pytest.raises(EngineError, match="REDIS_URL"):
        binaries.redis_server()


def test_a_redis_server_on_the_path_serves_as_well(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = binaries.redis_server()
    (place / "redis-server").symlink_to(wheel)
    monkeypatch.setattr(binaries, "REDIS_WHEEL", "no_such_wheel")
    monkeypatch.setenv("PATH", str(place))
    assert binaries.redis_server() == place / "redis-server"


def test_the_wheel_of_postgres_is_never_imported(place: Path) -> None:
    with open_engines(Home(place / "home")) as engines:
        assert isinstance(engines.postgres, Postgres)
    assert binaries.POSTGRES_WHEEL not in sys.modules
    assert binaries.REDIS_WHEEL not in sys.modules
