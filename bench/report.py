"""Tables in Markdown: printed, and kept in bench/results, where the README takes its figures from."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
RENDERING = ("av", "numba", "numpy")
SERVING = ("strawberry-graphql", "graphql-core", "uvicorn", "uvloop")
Row = Sequence[str | int | float]


def table(header: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [header, ["---"] * len(header), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: str | float) -> str:
    return f"{value:.2f}" if isinstance(value, float) else f"{value}"


def publish(name: str, title: str, command: str, *parts: str, packages: Sequence[str] = RENDERING) -> None:
    """Print a report and keep it as bench/results/NAME.md. `packages` are those that the figures hang on."""
    text = "\n\n".join([f"# {title}", f"`{command}` on {machine(packages)}.", *parts]) + "\n"
    print(text, flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)


def machine(packages: Sequence[str]) -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    day = datetime.now(UTC).date().isoformat()
    return f"{cores} cores of an {model}, Python {platform.python_version()}, {versions}, {day}"


def options(description: str | None, **defaults: int) -> argparse.Namespace:
    """Whole numbers as command line options, each with its default."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    return parser.parse_args()
