"""Stages, overall progress, the time that is left, and what an exception of a run means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.jobs import Kind, register, stages
from domain.jobs.protocol import RETRY_CAP_SECONDS, backoff_seconds
from render import errors as media
from workers.children import ChildDied, ChildFailed, ChildrenDoNotStart, ChildTimeout
from workers.failures import UNEXPECTED, judge

KIND = Kind("TEST_SHARES", stages=("one", "two", "three"), weights=(1.0, 8.0, 1.0))


def _at(*progress: float) -> stages.Stages:
    made = stages.fresh(KIND)
    for stage, percent in zip(made, progress, strict=False):
        stage.update(progress=percent, status="COMPLETED" if percent == 100.0 else "PROCESSING")
    return made


def test_overall_progress_is_weighted() -> None:
    shares = KIND.shares()
    assert sum(shares) == pytest.approx(1.0)
    assert stages.overall(_at(), shares) == 0.0
    assert stages.overall(_at(100.0), shares) == pytest.approx(10.0)
    assert stages.overall(_at(100.0, 50.0), shares) == pytest.approx(50.0)
    assert stages.overall(_at(100.0, 100.0, 100.0), shares) == pytest.approx(100.0)


def test_the_present_stage_is_the_one_begun_last() -> None:
    assert stages.present(_at()) is None
    assert stages.present(_at(100.0)) == "one"
    assert stages.present(_at(100.0, 3.0)) == "two"


def test_the_time_left_comes_from_the_speed_of_the_present_stage() -> None:
    shares = KIND.shares()
    assert stages.eta_seconds(_at(), shares, 5.0) is None
    assert stages.eta_seconds(_at(100.0, 0.0), shares, 5.0) is None
    assert stages.eta_seconds(_at(100.0, 50.0), shares, 0.1) is None
    # half of the stage in 8 s: 8 s more of it, and an eighth of its 16 s for the last
    assert stages.eta_seconds(_at(100.0, 50.0), shares, 8.0) == pytest.approx(10.0)
    assert stages.eta_seconds(_at(100.0, 100.0, 50.0), shares, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "kind",
    [
        Kind("BAD", stages=()),
        Kind("BAD", stages=("a", "a")),
        Kind("BAD", stages=("a", "b"), weights=(1.0,)),
        Kind("BAD", stages=("a", "b"), weights=(1.0, 0.0)),
    ],
)
def test_a_kind_that_contradicts_itself_is_refused(kind: Kind) -> None:
    with pytest.raises(ValueError, match="BAD needs"):
        register(kind)


@given(attempt=st.integers(0, 1_000), jitter=st.floats(0, 1))
def test_backoff_grows_to_its_cap(attempt: int, jitter: float) -> None:
    waits = backoff_seconds(attempt, jitter)
    assert 1.0 <= waits <= RETRY_CAP_SECONDS
    assert backoff_seconds(attempt + 1, jitter) >= waits
    assert backoff_seconds(attempt, 0.0) <= 2.0 * waits + 1e-9


@pytest.mark.parametrize(
    ("error", "code", "may_retry", "is_crash"),
    [
        (ChildDied("signal", 11), "WORKER_LOST", False, True),
        (ChildDied("memory"), "WORKER_LOST", False, True),
        (ChildTimeout("too long"), "TIMEOUT", True, False),
        (ChildDied("garbage"), "WORKER_LOST", False, True),
        (ChildrenDoNotStart("no start"), "UNAVAILABLE", True, False),
        (ChildFailed("_Private: 1 and 2"), "INTERNAL", True, False),
        (media.UnsupportedMedia("no sound in it"), "UNSUPPORTED_MEDIA", False, False),
        (media.DamagedMedia("it is cut"), "BAD_USER_INPUT", False, False),
        (media.MediaTooLarge("more than 2 h"), "BAD_USER_INPUT", False, False),
        (media.StorageFull("full"), "STORAGE_FULL", True, False),
        (errors.StorageFull("full"), "STORAGE_FULL", True, False),
        (OSError(28, "No space left on device"), "STORAGE_FULL", True, False),
        (OSError(2, "No such file"), "INTERNAL", True, False),
        (errors.InvalidInput("width", "odd"), "BAD_USER_INPUT", False, False),
        (errors.NotFound("no asset"), "NOT_FOUND", False, False),
        (errors.ProviderFailed("away"), "PROVIDER_ERROR", True, False),
        (RuntimeError("/secret/path"), "INTERNAL", True, False),
    ],
)
def test_an_exception_is_judged(error: Exception, code: str, may_retry: bool, is_crash: bool) -> None:
    failure = judge(error)
    assert (failure.code, failure.may_retry, failure.is_crash) == (code, may_retry, is_crash)


def test_unexpected_errors_keep_their_text_to_themselves() -> None:
    assert judge(RuntimeError("/secret/path")).message == UNEXPECTED
