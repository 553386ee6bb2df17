"""A model of the job protocol that Hypothesis plays, with workers that stall, crash and come back late.

The model is the pure protocol (which `tests/unit/test_job_moves.py` holds the SQL to), several jobs, several
workers that each hold the claims they once won, and one clock. Primitive rules alone rarely make two claims
of one job live at once: the composite rule `stall` does it on purpose. Mutants show that the model can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.jobs import protocol
from domain.jobs.protocol import JobRow

MOST_JOBS = 4
SETTINGS = settings(
    max_examples=400,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a counterexample is enough, it need not be the smallest
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Moves:
    """The moves as they are. A mutant overrides one."""

    claim = staticmethod(protocol.claim)
    beat = staticmethod(protocol.beat)
    report = staticmethod(protocol.report)
    complete = staticmethod(protocol.complete)
    fail = staticmethod(protocol.fail)
    crash = staticmethod(protocol.crash)
    reap = staticmethod(protocol.reap)
    release = staticmethod(protocol.release)
    stop = staticmethod(protocol.stop)
    cancel = staticmethod(protocol.cancel)

    @staticmethod
    def submit(same_key: JobRow | None, now: float) -> JobRow | None:
        """A new row; None where its idempotency key has one."""
        return JobRow(run_at=now) if same_key is None else None

    @staticmethod
    def retry(row: JobRow, now: float) -> tuple[JobRow, JobRow] | None:
        """By hand: the row as it is, and a new one beside it."""
        return (row, JobRow(run_at=now)) if row.ended else None

    @staticmethod
    def token(row: JobRow) -> int:
        """What a worker remembers of its claim."""
        return row.epoch

    @staticmethod
    def is_found(row: JobRow, was_rung: bool) -> bool:
        """Whether the sweep sees a waiting row, with or without a bell."""
        return True


@dataclass
class Claim:
    """A claim in a worker's hands: perhaps stale, which the worker cannot know."""

    job: int
    token: int
    serial: int  # how many claims of this job there were with it


class Protocol(RuleBasedStateMachine):
    moves: type[Moves] = Moves
    steps = 0  # of all games together

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.rows: list[JobRow] = []
        self.rung: list[bool] = []
        self.claims: list[Claim] = []
        self.serials: list[int] = []
        self.completions: list[int] = []
        self.failures: list[int] = []  # failed attempts, which alone may use attempts up
        self.ends: list[int] = []  # how often a callback would have been told
        self.by_key: dict[str, list[int]] = {}

    # what the database does

    def _write(self, job: int, row: JobRow | None) -> bool:
        if row is None:
            return False
        before = self.rows[job]
        assert not before.ended, f"an ended row changed: {before} -> {row}"
        assert protocol.impossible(row) is None, row
        assert (row.epoch, row.progress) >= (before.epoch, before.progress), (before, row)
        assert row.crashes >= before.crashes, (before, row)
        is_beat = row == replace(before, lease_until=row.lease_until)
        assert row.version == before.version + (not is_beat), (before, row)
        self.rows[job] = row
        self.ends[job] += row.ended
        return True

    def _held(self, data: Any) -> Claim:
        """Mostly a claim that still counts, sometimes one that is long lost."""
        counting = [
            claim
            for claim in self.claims
            if claim.serial == self.serials[claim.job] and not self.rows[claim.job].ended
        ]
        any_claim = st.sampled_from(self.claims)
        return data.draw(st.sampled_from(counting * 3 + self.claims) if counting else any_claim)  # type: ignore[no-any-return]

    def _check_fence(self, claim: Claim, what: str) -> None:
        assert claim.serial == self.serials[claim.job], f"a stale worker could {what}"

    # what clients do

    @initialize(is_rung=st.booleans())
    def submit_first(self, is_rung: bool) -> None:
        self.submit("a", is_rung)

    @precondition(lambda self: len(self.rows) < MOST_JOBS)
    @rule(key=st.sampled_from([None, "a", "b"]), is_rung=st.booleans())
    def submit(self, key: str | None, is_rung: bool) -> None:
        known = self.by_key.get(key, []) if key else []
        row = self.moves.submit(self.rows[known[0]] if known else None, self.now)
        if row is not None:
            if key:
                self.by_key.setdefault(key, []).append(len(self.rows))
            self._insert(row, is_rung)

    @precondition(lambda self: len(self.rows) < MOST_JOBS and any(row.ended for row in self.rows))
    @rule(data=st.data(), is_rung=st.booleans())
    def retry(self, data: Any, is_rung: bool) -> None:
        job = data.draw(st.sampled_from([job for job, row in enumerate(self.rows) if row.ended]))
        made = self.moves.retry(self.rows[job], self.now)
        assert made is not None, "an ended job could not be retried"
        old, new = made
        assert old == self.rows[job], f"an ended row changed: {self.rows[job]} -> {old}"
        assert new == JobRow(run_at=self.now), f"a retry is no new job: {new}"
        self._insert(new, is_rung)

    def _insert(self, row: JobRow, is_rung: bool) -> None:
        self.rows.append(row)
        self.rung.append(is_rung)
        self.serials.append(0)
        self.completions.append(0)
        self.failures.append(0)
        self.ends.append(0)

    @rule(data=st.data(), is_meant=st.integers(0, 2))
    def cancel(self, data: Any, is_meant: int) -> None:
        running = [job for job, row in enumerate(self.rows) if row.state == "PROCESSING"]
        if is_meant == 0:
            job = data.draw(st.sampled_from(running * 2 + list(range(len(self.rows)))))
            self._write(job, self.moves.cancel(self.rows[job]))

    # what workers do

    @rule(data=st.data())
    def claim(self, data: Any) -> None:
        waiting = [job for job, row in enumerate(self.rows) if row.state == "PENDING"]
        self._claim(data.draw(st.sampled_from(waiting or range(len(self.rows)))))

    def _claim(self, job: int) -> Claim | None:
        if not self.moves.is_found(self.rows[job], self.rung[job]):
            return None
        before = self.rows[job]
        if not self._write(job, self.moves.claim(before, self.now)):
            return None
        assert before.run_at <= self.now, f"claimed before it was due: {before}"
        assert before.state == "PENDING", f"claimed from another: {before}"
        self.serials[job] += 1
        claim = Claim(job, self.moves.token(self.rows[job]), self.serials[job])
        self.claims.append(claim)
        return claim

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def beat(self, data: Any) -> None:
        claim = self._held(data)
        if self._write(claim.job, self.moves.beat(self.rows[claim.job], claim.token, self.now)):
            self._check_fence(claim, "extend a lease")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), told=st.lists(st.sampled_from([5.0, 20.0, 50.0, 90.0]), min_size=1, max_size=3))
    def report(self, data: Any, told: list[float]) -> None:
        claim = self._held(data)
        for progress in told:
            row = self.moves.report(self.rows[claim.job], claim.token, progress, self.now)
            if self._write(claim.job, row):
                self._check_fence(claim, "report progress")

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        self._finish(self._held(data))

    def _finish(self, claim: Claim) -> None:
        if self._write(claim.job, self.moves.complete(self.rows[claim.job], claim.token)):
            self.completions[claim.job] += 1
            self._check_fence(claim, "publish a result")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), may_retry=st.booleans())
    def fail(self, data: Any, may_retry: bool) -> None:
        claim = self._held(data)
        self._fail(claim, may_retry)

    def _fail(self, claim: Claim, may_retry: bool) -> None:
        row = self.moves.fail(self.rows[claim.job], claim.token, "INTERNAL", may_retry, 4.0, self.now)
        if self._write(claim.job, row):
            self.failures[claim.job] += 1
            self._check_fence(claim, "fail a job")
            after = self.rows[claim.job]
            assert after.state != "PENDING" or (may_retry and after.run_at == self.now + 4.0), after

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        self._crash(self._held(data))

    def _crash(self, claim: Claim) -> None:
        if self._write(claim.job, self.moves.crash(self.rows[claim.job], claim.token, self.now)):
            self._check_fence(claim, "count a crash")
            self._check_crash(claim.job)

    def _check_crash(self, job: int) -> None:
        """The first runs again at once, the second after a while, the third never."""
        row = self.rows[job]
        if row.state == "PENDING":
            assert row.crashes < protocol.MAX_CRASHES, f"poison goes on: {row}"
            delay = 0.0 if row.crashes == 1 else protocol.CRASH_DELAY_SECONDS
            assert row.run_at <= self.now if delay == 0.0 else row.run_at == self.now + delay, row

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        claim = self._held(data)
        if self._write(claim.job, self.moves.release(self.rows[claim.job], claim.token)):
            self._check_fence(claim, "release a job")

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def stop(self, data: Any) -> None:
        claim = self._held(data)
        before = self.rows[claim.job]
        if self._write(claim.job, self.moves.stop(before, claim.token)):
            self._check_fence(claim, "stop a job")
            assert before.cancel_requested, f"nobody asked for it: {before}"

    @rule(
        data=st.data(),
        is_cancelled=st.booleans(),
        ending=st.sampled_from(["finish", "fail", "crash", "release", "stop", "reap"]),
    )
    def episode(self, data: Any, is_cancelled: bool, ending: str) -> None:
        """A whole run: claimed, half done, perhaps cancelled, and over in one of the ways."""
        self.now += protocol.CRASH_DELAY_SECONDS
        waiting = [job for job, row in enumerate(self.rows) if row.state == "PENDING"]
        claim = self._claim(data.draw(st.sampled_from(waiting))) if waiting else None
        if claim is None:
            return
        self._write(claim.job, self.moves.report(self.rows[claim.job], claim.token, 50.0, self.now))
        if is_cancelled:
            self._write(claim.job, self.moves.cancel(self.rows[claim.job]))
        if ending == "reap":
            self.now += 1.0
            self._reap(claim.job)  # too early
            self.now += protocol.LEASE_SECONDS
            self._reap(claim.job)
        elif ending == "finish":
            self._finish(claim)
        else:
            self._leave(claim, ending)

    def _leave(self, claim: Claim, ending: str) -> None:
        row = self.rows[claim.job]
        if ending == "fail":
            self._fail(claim, True)
        elif ending == "crash":
            self._crash(claim)
        elif ending == "release":
            self._write(claim.job, self.moves.release(row, claim.token))
        else:
            self._write(claim.job, self.moves.stop(row, claim.token))

    # what time does

    @rule(seconds=st.sampled_from([0.25, 5.0, 31.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds

    @rule(data=st.data())
    def reap(self, data: Any) -> None:
        running = [job for job, row in enumerate(self.rows) if row.state == "PROCESSING"]
        self._reap(data.draw(st.sampled_from(running or range(len(self.rows)))))

    def _reap(self, job: int) -> None:
        before = self.rows[job]
        if self._write(job, self.moves.reap(before, self.now)):
            assert before.lease_until is not None
            assert before.lease_until < self.now, "a living lease was reaped"
            self._check_crash(job)

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        returns_as=st.sampled_from(["finish", "fail", "release", "stop", "crash", "report", "beat"]),
    )
    def stall(self, data: Any, returns_as: str) -> None:
        """A worker is paused past its lease, another takes the job, the first wakes up and goes on. (It
        stops where a cancel is asked for, but of the other's run.)"""
        stale = self._held(data)
        self.now += protocol.LEASE_SECONDS + 1.0
        self._reap(stale.job)
        self.now += protocol.CRASH_DELAY_SECONDS
        if self._claim(stale.job) is None:
            return
        if returns_as == "stop":
            self._write(stale.job, self.moves.cancel(self.rows[stale.job]))
        row = self.rows[stale.job]
        move: dict[str, Callable[[], JobRow | None]] = {
            "stop": lambda: self.moves.stop(row, stale.token),
            "crash": lambda: self.moves.crash(row, stale.token, self.now),
            "report": lambda: self.moves.report(row, stale.token, 50.0, self.now),
            "beat": lambda: self.moves.beat(row, stale.token, self.now),
            "finish": lambda: self.moves.complete(row, stale.token),
            "fail": lambda: self.moves.fail(row, stale.token, "INTERNAL", True, 4.0, self.now),
            "release": lambda: self.moves.release(row, stale.token),
        }
        assert not self._write(stale.job, move[returns_as]()), f"a worker that woke up could {returns_as}"

    # what must hold

    @invariant()
    def a_step_is_counted(self) -> None:
        type(self).steps += 1

    @invariant()
    def at_most_one_result(self) -> None:
        assert all(count <= 1 for count in self.completions)

    @invariant()
    def only_failures_use_attempts_up(self) -> None:
        for row, failures in zip(self.rows, self.failures, strict=True):
            running = 1 if row.state in ("PROCESSING", "COMPLETED") else 0
            stopped = 1 if row.state == "CANCELLED" else 0
            assert failures + running <= row.attempt <= failures + running + stopped, (row, failures)
            assert row.attempt < row.max_attempts or row.state != "PENDING", row

    @invariant()
    def one_key_is_one_job(self) -> None:
        assert all(len(jobs) == 1 for jobs in self.by_key.values()), self.by_key

    @invariant()
    def an_end_is_told_once(self) -> None:
        assert self.ends == [int(row.ended) for row in self.rows]

    @invariant()
    def a_cancelled_run_goes_nowhere_else(self) -> None:
        for row in self.rows:
            assert not (row.cancel_requested and row.state == "PENDING"), row

    def teardown(self) -> None:
        """Every job ends once the workers behave: nothing is lost for ever."""
        for job in range(len(self.rows)):
            for _ in range(3 * protocol.MAX_CRASHES):
                self.now += protocol.LEASE_SECONDS + protocol.RETRY_CAP_SECONDS
                self._reap(job)
                self.now += protocol.CRASH_DELAY_SECONDS
                claim = self._claim(job)
                if claim is not None:
                    self._finish(claim)
            assert self.rows[job].ended, f"lost: {self.rows[job]}"


def play(moves: type[Moves]) -> int:
    """Play it through; the number of steps. Raises AssertionError where a rule is broken."""
    machine: type[Protocol] = type(f"Protocol_{moves.__name__}", (Protocol,), {"moves": moves})
    run_state_machine_as_test(machine, settings=SETTINGS)
    return machine.steps
