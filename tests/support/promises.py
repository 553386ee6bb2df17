"""The table of docs/reliability.md, from what a run of the tests measured.

make test-failures FIGURES=figures.json
.venv/bin/python -m tests.support.promises figures.json
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

from tests.support.figures import Figure, read

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reliability.md"
PLACE = re.compile(r"<!-- promises -->\n.*?<!-- end -->", re.DOTALL)
MARK = re.compile(r'mark\.promise\("(P\d+)"\)')

PROMISES = {
    "P1": "A job that was accepted is never lost, whatever becomes of Redis",
    "P2": "A job exists exactly when the transaction that made it was committed",
    "P3": "The job of a killed worker runs again by itself",
    "P4": "What a job leaves behind it leaves once, even if a worker slept through its lease",
    "P5": "Telling workers of a job more than once changes nothing",
    "P6": "A job that kills its process harms no other",
    "P7": "A job that stands still is found and ended",
    "P8": "Without Redis everything is accepted, answered and run",
    "P9": "A crash of PostgreSQL loses nothing and makes no success of what was none",
    "P10": "No observer ever sees a job go back",
    "P11": "Every subscriber sees the end, though every nudge is lost",
    "P12": "A subscriber that does not read costs little and delays nobody",
    "P13": "A cancel is prompt, and final",
    "P14": "A rolling restart loses nothing and spends no attempt",
    "P15": "A full disk is said clearly, shows no half file, and passes",
    "P16": "Submitting twice with one key is submitting once",
    "P17": "A worker leaves kinds alone that it does not know",
    "P18": "The rules themselves are right, and broken ones are caught",
}


def files_of_promises() -> dict[str, list[str]]:
    """The files that mark tests with each promise, relative to `tests`."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for promise in MARK.findall(path.read_text()):
            found[promise].add(path.relative_to(ROOT / "tests").as_posix())
    return {promise: sorted(paths) for promise, paths in found.items()}


def table(figures: list[Figure]) -> str:
    """A row a promise: its tests, and what they measured; of what was measured twice, the worse."""
    worst: dict[tuple[str, str], Figure] = {}
    for figure in sorted(figures, key=lambda figure: figure.value):
        worst[figure.promise, figure.what] = figure
    measured: dict[str, list[str]] = defaultdict(list)
    for figure in sorted(worst.values(), key=lambda figure: figure.what):
        measured[figure.promise].append(_said(figure))
    files = files_of_promises()
    rows = [
        f"| {number} | {sentence} | {_files(files.get(number, []))} | {'<br>'.join(measured[number])} |"
        for number, sentence in PROMISES.items()
    ]
    return "\n".join(["| | promise | tests | measured |", "|---|---|---|---|", *rows])


def _files(paths: list[str]) -> str:
    return "<br>".join(f"[{Path(path).stem.removeprefix('test_')}](../tests/{path})" for path in paths)


def _said(figure: Figure) -> str:
    unit = f" {figure.unit}" if figure.unit else ""
    limit = "" if figure.limit is None or not figure.unit else f" (limit {figure.limit:.3g}{unit})"
    value = f"{figure.value:,.0f}" if abs(figure.value) >= 100 else f"{figure.value:.3g}"
    return f"{figure.what}: **{value}{unit}**{limit}"


def filled(page: str, figures: list[Figure]) -> str:
    return PLACE.sub(lambda _: f"<!-- promises -->\n{table(figures)}\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), read(Path(sys.argv[1]))))
