"""How many times faster than the song plays: 1080p30, the default config, STANDARD.

Three ways to start: with nothing compiled (the very first render of an installation), in a new process, and
in a process that has rendered before, as a worker's children have. Listening to the song has a process of its
own.

    python -m bench.speed --seconds 30 --runs 5
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.clip import Clip, clip
from bench.report import Row, options, publish, table

ROOT = Path(__file__).resolve().parent.parent


def rendered(
    one: Clip, renders: int, environment: Mapping[str, str] | None = None
) -> tuple[float, list[float]]:
    """Seconds of the process, and of each of the renders in it."""
    command = [sys.executable, "-m", "bench.child", "STANDARD", str(one.seconds), str(one.features_path)]
    command += [str(one.song), str(one.folder / "film.mp4"), str(renders)]
    began = time.perf_counter()
    told = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=True, stdout=subprocess.PIPE
    )
    return time.perf_counter() - began, json.loads(told.stdout)["seconds"]


def listened(one: Clip) -> float:
    code = "import sys; from render.audio.listen import listen; listen(sys.argv[1], sys.argv[2])"
    began = time.perf_counter()
    out = one.folder / "again.npz"
    subprocess.run([sys.executable, "-c", code, str(one.song), str(out)], cwd=ROOT, check=True)
    return time.perf_counter() - began


def main() -> None:
    chosen = options(__doc__, seconds=30, runs=5)
    with clip(chosen.seconds) as one:
        with tempfile.TemporaryDirectory() as empty:
            first = [rendered(one, 1, {"NUMBA_CACHE_DIR": empty})[0]]
        runs = [rendered(one, 2) for _ in range(chosen.runs)]
        listening = [listened(one) for _ in range(chosen.runs)]
    warm = [seconds[1] for _, seconds in runs]
    cold = [whole - seconds[1] for whole, seconds in runs]
    rows: list[Row] = []
    for name, found in (
        ("nothing compiled yet (once an installation)", first),
        ("cold: a new process", cold),
        ("warm: as in a running worker", warm),
    ):
        seconds = statistics.median(found)
        rows.append([name, f"{seconds:.1f}", f"**{chosen.seconds / seconds:.1f}**"])
    publish(
        "speed",
        "Times real time",
        f"python -m bench.speed --seconds {chosen.seconds} --runs {chosen.runs}",
        f"1080p30, {chosen.seconds} s, default config (200 particles), STANDARD; wall time, median of"
        f" {chosen.runs}. Before it, once a song, listening takes {statistics.median(listening):.1f} s.",
        table(["start", "seconds", "times real time"], rows),
    )


if __name__ == "__main__":
    main()
