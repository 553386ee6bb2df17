"""How many times faster than it plays our composer makes a piece, by genre, on one core.

A warm process, as a worker's children are; CPU time of everything: words, score, sound, stems and master.

    python -m bench.composition --seconds 30 --runs 3
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.measure import Cost, cost, median, peak_memory_bytes
from bench.report import Row, options, publish, table
from render.music.catalogue import GENRES
from render.music.piece import compose
from render.music.prompt import resolve

ROOT = Path(__file__).resolve().parent.parent
WANTED = 20.0


def warmed(empty: str | None) -> float:
    """Wall seconds of a new process that makes two short pieces; with an empty cache it compiles first."""
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": empty} if empty else {})}
    code = "from render.music.warm import warm; warm()"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - began


def composed(genre: str, seconds: int, runs: int) -> Cost:
    parameters = resolve(genre, seed=1, duration=seconds)
    compose(parameters)
    return median([cost(lambda: compose(parameters)) for _ in range(runs)])


def main() -> None:
    chosen = options(__doc__, seconds=30, runs=3)
    with tempfile.TemporaryDirectory() as empty:
        first, again = warmed(empty), warmed(None)
    rows: list[Row] = []
    speeds = []
    for genre in GENRES:
        one = composed(genre, chosen.seconds, chosen.runs)
        speeds.append(chosen.seconds / one.cpu)
        rows.append([genre, f"{one.cpu:.2f}", f"{one.wall:.2f}", f"**{speeds[-1]:.0f}**"])
    publish(
        "composition",
        "Composing: times real time",
        f"python -m bench.composition --seconds {chosen.seconds} --runs {chosen.runs}",
        f"Pieces of {chosen.seconds} s with four stems, on one core, medians of {chosen.runs}. Slowest"
        f" {min(speeds):.0f}x, median {statistics.median(speeds):.0f}x; wanted {WANTED:.0f}x. Most memory"
        f" {peak_memory_bytes() / 1e6:.0f} MB. A new process is ready after {again:.1f} s, the very first of"
        f" an installation, which compiles, after {first:.1f} s.",
        table(["genre", "CPU seconds", "seconds", "times real time"], rows),
    )


if __name__ == "__main__":
    main()
