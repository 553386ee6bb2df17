"""The rules that tempo, beats and keys are scored by."""

from __future__ import annotations

import numpy as np
import pytest

from bench.scores import accuracy1, accuracy2, f_measure, key_score


@pytest.mark.parametrize(
    ("found", "first", "second"),
    [
        (120.0, True, True),
        (124.7, True, True),
        (125.0, False, False),
        (60.0, False, True),
        (240.0, False, True),
        (40.0, False, True),
        (360.0, False, True),
        (80.0, False, False),
        (None, False, False),
    ],
)
def test_tempo(found: float | None, first: bool, second: bool) -> None:
    assert (accuracy1(found, 120.0), accuracy2(found, 120.0)) == (first, second)


def test_beats() -> None:
    true = np.arange(0.0, 20.0, 0.5)
    assert f_measure(true, true) == 1.0
    assert f_measure(true + 0.06, true) == 1.0
    assert f_measure(true + 0.08, true) == 0.0
    assert f_measure(np.zeros(0), true) == 0.0
    assert f_measure(true[::2], true) == pytest.approx(2 / 3)
    assert f_measure(np.sort(np.concatenate([true, true + 0.25])), true) == pytest.approx(2 / 3)
    assert f_measure(np.sort(np.concatenate([true, true + 0.01])), true) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("found", "true", "score"),
    [
        ("A minor", "A minor", 1.0),
        ("E minor", "A minor", 0.5),
        ("D minor", "A minor", 0.0),
        ("C major", "A minor", 0.3),
        ("A minor", "C major", 0.3),
        ("A major", "A minor", 0.2),
        ("G major", "A minor", 0.0),
        (None, "A minor", 0.0),
    ],
)
def test_keys(found: str | None, true: str, score: float) -> None:
    assert key_score(found, true) == score
