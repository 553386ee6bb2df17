"""P18: the protocol is right: the model holds for it, and fails for each of its mutants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.jobs import protocol
from domain.jobs.protocol import JobRow
from tests.properties.job_protocol_model import Moves, play


def test_the_protocol_holds() -> None:
    play(Moves)


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


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught(mutant: type[Moves]) -> None:
    with pytest.raises(AssertionError):
        play(mutant)


def test_every_move_has_a_mutant() -> None:
    """A move that no mutant breaks would be a move that nothing here looks at."""
    changed = {name for mutant in MUTANTS for name in vars(mutant) if not name.startswith("__")}
    assert changed >= {"claim", "beat", "report", "complete", "fail", "reap", "release", "cancel", "token"}
