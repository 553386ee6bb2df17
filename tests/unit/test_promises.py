"""The page of the promises says what the tests show."""

from __future__ import annotations

from tests.support.figures import Figure, Figures
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
