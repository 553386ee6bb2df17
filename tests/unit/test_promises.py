"""The page of the promises says what the tests show."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.support.figures import Figure, Figures, Run
from tests.support.promises import PAGE, PROMISES, files_of_promises, filled, table


def test_every_promise_has_a_test() -> None:
    assert set(files_of_promises()) == set(PROMISES)


def test_the_page_lists_every_promise_with_its_tests_and_a_figure() -> None:
    rows = {
        line.split("|")[1].strip(): line for line in PAGE.read_text().splitlines() if line.startswith("| P")
    }
    assert set(rows) == set(PROMISES)
    for promise, paths in files_of_promises().items():
        assert all(path in rows[promise] for path in paths), promise
        assert "**" in rows[promise], f"{promise} has no figure"


def test_figures_come_into_the_row_of_their_promise() -> None:
    figures = [Figure("P3", "runs again", 31.25, 40.0, "s"), Figure("P1", "jobs lost", 0.0, 0.0, "")]
    rows = [line for line in table(figures).splitlines() if line.startswith(("| P1 ", "| P3 "))]
    assert "jobs lost: **0**" in rows[0]
    assert "runs again: **31.2 s** (limit 40 s)" in rows[1]
    assert filled("a\n<!-- promises -->\nold\n<!-- end -->\nb", figures).startswith(
        "a\n<!-- promises -->\n| | prom"
    )


def test_a_busy_machine_has_three_times_the_limit_and_no_more() -> None:
    figures = Figures()
    figures.within("P3", "runs again", 119.0, 40.0)
    try:
        figures.within("P3", "runs again", 121.0, 40.0)
    except AssertionError as error:
        assert "the limit is 40" in str(error)
    else:
        raise AssertionError("it was accepted")
    assert [figure.value for figure in figures.taken] == [119.0, 121.0]


def test_a_run_has_from_each_test_what_it_told_last() -> None:
    quick, broken = Figures(), Figures()
    quick.seed(7)
    reports = [report("quick", "setup", quick)]
    quick.exactly("P1", "jobs lost", 0, 0)
    quick.note("P1", "longest wait", 1.5, "s")
    reports += [report("quick", "call", quick), report("quick", "teardown", quick)]
    broken.seed(8)
    reports.append(report("broken", "setup", broken))
    run = Run.told_by(reports)
    assert run.taken == quick.taken
    assert run.lines() == [
        "P1   jobs lost: 0 (limit 0)",
        "P1   longest wait: 1.5 s",
        "SEED=8 repeats broken",
        "SEED=7 repeats quick",
    ]


def report(test: str, when: Literal["setup", "call", "teardown"], figures: Figures) -> pytest.TestReport:
    """As one that came from another process: with lists in the place of tuples."""
    place = (test, None, test)
    told: Any = [list(one) for one in figures.properties]
    return pytest.TestReport(test, place, {}, "passed", None, when, user_properties=told)
