"""The bench of small jobs says of each limit whether it is met, and where arq is faster."""

from __future__ import annotations

from bench import job_figures as jobs
from bench.report import RESULTS, table

OURS, THEIRS = "Starling, 2 slots (default)", "arq, 10 at a time (default)"
STORED = (RESULTS / "jobs.md").read_text()


def figures(drained: float, start: float, flowing: float, submitted: float) -> jobs.Figures:
    return jobs.Figures(submitted=[submitted], drained=[drained], flowing=[flowing], starts=[start])


ARQ = figures(217.0, 284.9, 196.0, 4095.0)


def verdicts(ours: jobs.Figures) -> list[object]:
    return [row[-1] for row in jobs.beside_arq(ours, ARQ)]


def test_a_limit_is_met_or_missed() -> None:
    assert verdicts(figures(217.0, 50.0, 200.0, 5000.0)) == ["met", "met", "", ""]
    assert verdicts(figures(216.9, 50.1, 200.0, 5000.0)) == ["missed", "missed", "", ""]


def test_where_arq_is_faster_is_said() -> None:
    assert verdicts(figures(410.0, 18.9, 183.0, 353.0)) == ["met", "met", "arq is faster", "arq is faster"]


def test_the_stored_words_are_those_that_the_bench_prints() -> None:
    """The second table is made of the first."""
    cells = {line.split(" | ")[0][2:]: line.split(" | ") for line in STORED.splitlines() if "/s |" in line}

    def stored(name: str) -> jobs.Figures:
        drained, flowing, start, _, submitted = (
            float(cell.split("/")[0].split(" ")[0].replace(",", "")) for cell in cells[name][1:6]
        )
        return figures(drained, start, flowing, submitted)

    found = table(jobs.BESIDE_ARQ, jobs.beside_arq(stored(OURS), stored(THEIRS)))
    assert found in STORED
    assert STORED.endswith(f"{jobs.GUARANTEES}\n")
