"""One render in a process of its own, as a render child does it; says in one JSON line what it took.

python -m bench.child QUALITY SECONDS FEATURES SONG OUT [RENDERS]
"""

from __future__ import annotations

import json
import sys
import time

from bench.measure import peak_memory_bytes
from render.particles.config import ParticleConfig, to_json
from render.video.film_spec import FilmSpec
from render.video.particles import render_film


def main() -> None:
    began = time.perf_counter()
    quality, seconds, features, song, out, *rest = sys.argv[1:]
    config = ParticleConfig(duration=float(seconds))
    spec = FilmSpec(
        kind="ENHANCED",
        config=to_json(config),
        features_path=features,
        audio_path=song,
        quality=quality,
        start_time=None,
        end_time=None,
        out=out,
    )
    times = []
    for _ in range(int(rest[0]) if rest else 1):
        before = time.perf_counter()
        render_film(spec)
        times.append(time.perf_counter() - before)
    told = {
        "seconds": times,
        "process_seconds": time.perf_counter() - began,
        "peak_bytes": peak_memory_bytes(),
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
