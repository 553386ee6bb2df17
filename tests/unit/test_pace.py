"""When a reader counts as slow: by one update that it took long for, or by all together."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.jobs import pace


@pytest.mark.parametrize(
    ("seconds", "slow_after"),
    [
        ([0.9], None),
        ([1.1], 1),
        ([0.01] * 99 + [1.1], 100),  # a stall late in a batch is no less of one
        ([0.9, 0.9], 2),
        ([0.2] * 100, None),
        ([0.3] * 100, 4),
        ([0.0] * 100, None),
    ],
)
def test_a_reader_is_slow_after(
    seconds: Sequence[float], slow_after: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("domain.jobs.pace.time.monotonic", lambda: now)
    batch = pace.Pace()
    found = None
    for number, each in enumerate(seconds, 1):
        now += each
        if batch.is_slow():
            found = number
            break
    assert found == slow_after
