"""What drawing adds to encoding: the whole film against the very same frames encoded alone.

The whole film is drawn, encoded and muxed with its sound by the product's own functions. The other side gets
the same frames, drawn before and held in memory (2.8 GB for 30 s), and the same encoder settings, and has no
sound to encode. Aim 1.10, limit 1.25, in CPU time. HIGH encodes four times as long for each frame, so its
clip may be a shorter one; what a film costs before its first frame (50 ms) then weighs more.

    python -m bench.render --seconds 30 --high 30 --pairs 5
"""

from __future__ import annotations

import numpy as np

from bench.clip import Clip, clip
from bench.measure import Comparison, compare
from bench.report import options, publish, table
from render.video.encode import encode

COUNTS = (200, 2_000, 10_000)
LIMIT = 1.25


def compared(one: Clip, quality: str, particles: int, pairs: int) -> Comparison:
    held = np.empty((one.frame_count, 1080 * 3 // 2, 1920), np.uint8)
    for place, frame in zip(held, one.drawn(particles), strict=True):
        place[:] = frame
    spec, out = one.spec(quality), one.folder / "film.mp4"
    return compare(
        lambda: encode(one.drawn(particles), out, spec, one.audio),
        lambda: encode(iter(held), out, spec),
        pairs,
    )


def main() -> None:
    chosen = options(__doc__, seconds=30, high=30, pairs=5)
    rows = []
    for quality, seconds in (("STANDARD", chosen.seconds), ("HIGH", chosen.high)):
        with clip(seconds) as one:
            for particles in COUNTS:
                found = compared(one, quality, particles, chosen.pairs)
                ms = 1000 / one.frame_count
                rows.append(
                    [
                        quality,
                        f"{particles:,}",
                        f"{found.ours.cpu * ms:.1f}",
                        f"{found.theirs.cpu * ms:.1f}",
                        f"**{found.ratio.cpu:.2f}**",
                        f"{found.ratio.wall:.2f}",
                        f"{seconds / found.ours.wall:.1f}",
                    ]
                )
                print(rows[-1], flush=True)
    header = ["quality", "particles", "whole film, CPU ms a frame", "encoding alone", "ratio of CPU time"]
    header += ["ratio of wall time", "times real time"]
    publish(
        "render",
        "The whole film against encoding alone",
        f"python -m bench.render --seconds {chosen.seconds} --high {chosen.high} --pairs {chosen.pairs}",
        f"1920x1080, 30 fps, {chosen.seconds} s (HIGH {chosen.high} s), medians of {chosen.pairs} pairs "
        f"in turn; limit {LIMIT}.",
        table(header, rows),
    )


if __name__ == "__main__":
    main()
