"""One separation in a process of its own, as a worker's child does it; says in one JSON line what it took.

python -m bench.separated SONG FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from bench.measure import peak_memory_bytes
from render.audio.separation.stems import separate
from render.audio.separation.version import STEMS
from render.audio.separation.warm import warm


def main() -> None:
    song, folder = sys.argv[1:]
    warm()
    used, began = _processor_seconds(), time.perf_counter()
    facts = separate(song, {stem: str(Path(folder) / f"{stem}.flac") for stem in STEMS})
    told = {
        "duration": facts.duration,
        "wall_seconds": time.perf_counter() - began,
        "processor_seconds": _processor_seconds() - used,
        "peak_bytes": peak_memory_bytes(),
    }
    print(json.dumps(told), flush=True)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
