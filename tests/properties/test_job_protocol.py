"""P18: the protocol is right: the model holds for it, and fails for each of its mutants."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.jobs import protocol
from domain.jobs.protocol import JobRow
from tests.properties.job_protocol_model import Moves, play
from tests.support.figures import Figures

pytestmark = pytest.mark.promise("P18")


@pytest.mark.slow
def test_the_protocol_holds(figures: Figures) -> None:
    began = time.monotonic()
    steps = play(Moves)
    assert steps >= 400 * 20, "the games were short"
    figures.note("P18", "steps of the model without a broken rule", steps)
    figures.note("P18", "seconds that they took", time.monotonic() - began, "s")


def _unfenced(move: Callable[..., JobRow | None]) -> Callable[..., JobRow | None]:
    """The move of whoever comes, as long as the row is in progress."""
    return lambda row, token, *rest: move(row, row.epoch, *rest)


class NoFenceOnComplete(Moves):
    complete = staticmethod(_unfenced(protocol.complete))


class NoFenceOnFail(Moves):
    fail = staticmethod(_unfenced(protocol.fail))


class NoFenceOnRelease(Moves):
    release = staticmethod(_unfenced(protocol.release))


class NoFenceOnBeat(Moves):
    beat = staticmethod(_unfenced(protocol.beat))


class NoFenceOnReport(Moves):
    report = staticmethod(_unfenced(protocol.report))


class NoFenceOnCrash(Moves):
    crash = staticmethod(_unfenced(protocol.crash))


class NoFenceOnStop(Moves):
    stop = staticmethod(_unfenced(protocol.stop))


class StopsUnasked(Moves):
    @staticmethod
    def stop(row: JobRow, epoch: int) -> JobRow | None:
        return protocol.stop(replace(row, cancel_requested=True), epoch)


class ClaimsBeforeItIsDue(Moves):
    @staticmethod
    def claim(row: JobRow, now: float) -> JobRow | None:
        return protocol.claim(replace(row, run_at=now), now)


class ClaimsWhatRuns(Moves):
    """As a queue does that hands a message out again when its time is up, whoever still works on it."""

    @staticmethod
    def claim(row: JobRow, now: float) -> JobRow | None:
        if row.state != "PROCESSING":
            return protocol.claim(row, now)
        waiting = replace(row, state="PENDING", lease_until=None, attempt=row.attempt - 1, run_at=now)
        return protocol.claim(waiting, now)


class PoisonGoesOnForEver(Moves):
    @staticmethod
    def crash(row: JobRow, epoch: int, now: float) -> JobRow | None:
        crashed = protocol.crash(replace(row, crashes=1), epoch, now)
        return crashed and replace(crashed, crashes=row.crashes + 1)


class CrashesRunAgainAtOnce(Moves):
    @staticmethod
    def crash(row: JobRow, epoch: int, now: float) -> JobRow | None:
        crashed = protocol.crash(row, epoch, now)
        return crashed and replace(crashed, run_at=row.run_at)


class RetriesWithoutWaiting(Moves):
    @staticmethod
    def fail(row: JobRow, epoch: int, code: str, may_retry: bool, delay: float, now: float) -> JobRow | None:
        return protocol.fail(row, epoch, code, may_retry, 0.0, now)


class FailureGivesTheAttemptBack(Moves):
    """An unconditional retry in disguise: the attempts never run out."""

    @staticmethod
    def fail(row: JobRow, epoch: int, *rest: Any) -> JobRow | None:
        failed = protocol.fail(row, epoch, *rest)
        return failed and replace(failed, attempt=row.attempt - 1)


class BadInputIsTriedAgain(Moves):
    @staticmethod
    def fail(row: JobRow, epoch: int, code: str, may_retry: bool, delay: float, now: float) -> JobRow | None:
        return protocol.fail(row, epoch, code, True, delay, now)


class KeysAreForgottenWithTheEnd(Moves):
    @staticmethod
    def submit(same_key: JobRow | None, now: float) -> JobRow | None:
        return Moves.submit(None if same_key is None or same_key.ended else same_key, now)


class RetryRevivesTheRow(Moves):
    @staticmethod
    def retry(row: JobRow, now: float) -> tuple[JobRow, JobRow] | None:
        again = replace(row, state="PENDING", error=None, run_at=now, version=row.version + 1)
        return (again, again) if row.ended else None


class CancelOnlyAsks(Moves):
    """Also where nobody runs it, who could obey."""

    @staticmethod
    def cancel(row: JobRow) -> JobRow | None:
        cancelled = protocol.cancel(row)
        return cancelled and replace(cancelled, state=row.state)


def _by_attempt(move: Callable[..., JobRow | None]) -> Callable[..., JobRow | None]:
    return lambda row, token, *rest: move(row, row.epoch, *rest) if row.attempt == token else None


class AttemptAsToken(Moves):
    complete = staticmethod(_by_attempt(protocol.complete))
    fail = staticmethod(_by_attempt(protocol.fail))
    release = staticmethod(_by_attempt(protocol.release))

    @staticmethod
    def token(row: JobRow) -> int:
        return row.attempt


class SettlesByIdAlone(Moves):
    """As queues that update by id do: whatever the state is."""

    @staticmethod
    def complete(row: JobRow, epoch: int) -> JobRow | None:
        return replace(row, state="COMPLETED", lease_until=None, error=None, version=row.version + 1)


class RetriesByIdAlone(Moves):
    @staticmethod
    def fail(row: JobRow, *rest: Any) -> JobRow | None:
        return replace(row, state="PENDING", lease_until=None, error=None, version=row.version + 1)


class OnlyBellsAreHeard(Moves):
    """An edge-triggered queue: a job whose bell was lost is never looked for."""

    @staticmethod
    def is_found(row: JobRow, was_rung: bool) -> bool:
        return was_rung


class ReapsTheLiving(Moves):
    @staticmethod
    def reap(row: JobRow, now: float) -> JobRow | None:
        return protocol.reap(row, now + protocol.LEASE_SECONDS)


class NeverReaps(Moves):
    @staticmethod
    def reap(row: JobRow, now: float) -> JobRow | None:
        return None


class CrashSpendsTheAttempt(Moves):
    @staticmethod
    def reap(row: JobRow, now: float) -> JobRow | None:
        reaped = protocol.reap(row, now)
        return reaped and replace(reaped, attempt=row.attempt)


class ReleaseSpendsTheAttempt(Moves):
    @staticmethod
    def release(row: JobRow, epoch: int) -> JobRow | None:
        released = protocol.release(row, epoch)
        return released and replace(released, attempt=row.attempt)


class ProgressMayFall(Moves):
    @staticmethod
    def report(row: JobRow, epoch: int, progress: float, now: float) -> JobRow | None:
        told = protocol.report(row, epoch, progress, now)
        return told and replace(told, progress=progress)


class ProgressFallsOnRetry(Moves):
    """Progress belongs to its epoch: only a claim, with a new one, may begin at 0 again."""

    @staticmethod
    def fail(row: JobRow, epoch: int, *rest: Any) -> JobRow | None:
        failed = protocol.fail(row, epoch, *rest)
        return failed and replace(failed, progress=0.0)


class ClaimKeepsTheEpoch(Moves):
    @staticmethod
    def claim(row: JobRow, now: float) -> JobRow | None:
        claimed = protocol.claim(row, now)
        return claimed and replace(claimed, epoch=max(1, row.epoch))


class RetryForgetsTheCancel(Moves):
    @staticmethod
    def fail(row: JobRow, epoch: int, code: str, may_retry: bool, delay: float, now: float) -> JobRow | None:
        failed = protocol.fail(row, epoch, code, may_retry, delay, now)
        if failed is None or failed.state != "CANCELLED" or not may_retry:
            return failed
        return replace(failed, state="PENDING")


class CancelEndsWhatRuns(Moves):
    """Without asking the worker: its lease stays behind on an ended row."""

    @staticmethod
    def cancel(row: JobRow) -> JobRow | None:
        return replace(row, state="CANCELLED", cancel_requested=True, version=row.version + 1)


class ReapSkipsAVersion(Moves):
    @staticmethod
    def reap(row: JobRow, now: float) -> JobRow | None:
        reaped = protocol.reap(row, now)
        return reaped and replace(reaped, version=row.version + 2)


MUTANTS = list(Moves.__subclasses__())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_mutant_is_caught(figures: Figures) -> None:
    """A mutant that survives is a rule that nothing here looks at."""
    began = time.monotonic()
    survivors = [mutant.__name__ for mutant in MUTANTS if not _is_caught(mutant)]
    assert survivors == []
    figures.exactly("P18", "mutants caught", len(MUTANTS) - len(survivors), len(MUTANTS))
    figures.note("P18", "seconds to catch them all", time.monotonic() - began, "s")


def _is_caught(mutant: type[Moves]) -> bool:
    try:
        play(mutant)
    except AssertionError:
        return True
    return False


def test_every_move_has_a_mutant() -> None:
    """A move that no mutant breaks would be a move that nothing here looks at."""
    changed = {name for mutant in MUTANTS for name in vars(mutant) if not name.startswith("__")}
    assert changed == {name for name in vars(Moves) if not name.startswith("__")}
