"""The most memory that a render child holds, for each quality, of a short film and of a long one.

python -m bench.memory --short 10 --long 600     (the long ones take some 25 minutes in all)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.clip import Clip, clip
from bench.report import Row, options, publish, table
from render.video.encode import QUALITIES

ROOT = Path(__file__).resolve().parent.parent
LIMIT_MB = 700


def peak_mb(one: Clip, quality: str) -> int:
    command = [sys.executable, "-m", "bench.child", quality, str(one.seconds), str(one.features_path)]
    command += [str(one.song), str(one.folder / "film.mp4")]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    peak: int = json.loads(told.stdout)["peak_bytes"]
    return round(peak / 1024**2)


def main() -> None:
    chosen = options(__doc__, short=10, long=60)
    found = {}
    for seconds in (chosen.short, chosen.long):
        with clip(seconds) as one:
            found[seconds] = {quality: peak_mb(one, quality) for quality in QUALITIES}
    rows: list[Row] = [
        [quality, *(f"{found[seconds][quality]} MB" for seconds in found)] for quality in QUALITIES
    ]
    publish(
        "memory",
        "Peak memory of a render child",
        f"python -m bench.memory --short {chosen.short} --long {chosen.long}",
        f"1080p30, default config; limit {LIMIT_MB} MB.",
        table(["quality", *(f"{seconds} s" for seconds in found)], rows),
    )


if __name__ == "__main__":
    main()
