"""Drawing alone, and whole films, beside the way of the originals (`bench.originals`).

Ours has a stage, glow, depth, streaks, and simulates as it goes; theirs draws flat discs at places computed
before. Richer pictures cost the encoder more, so the whole films are a table without a limit.

    python -m bench.drawing --seconds 30 --pairs 5
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from bench import originals
from bench.clip import Clip, clip
from bench.measure import Comparison, compare
from bench.report import Row, options, publish, table
from render.video.encode import encode

COUNTS = (200, 2_000, 10_000)
WAYS = {"as they draw": originals.frames, "bare calls": originals.bare}
HEADER = ["particles", "Starling, CPU ms a frame", "cv2.circle and conversion", "ratio of CPU time"]
HEADER += ["ratio of wall time"]


def _exhaust(pictures: Iterable[np.ndarray]) -> None:
    for _ in pictures:
        pass


def _row(particles: int, found: Comparison, frame_count: int, way: str) -> Row:
    ms = 1000 / frame_count
    return [
        f"{particles:,}",
        f"{found.ours.cpu * ms:.1f}",
        f"{way}: {found.theirs.cpu * ms:.1f}",
        f"**{found.ratio.cpu:.2f}**",
        f"{found.ratio.wall:.2f}",
    ]


def _alone(one: Clip, particles: int, pairs: int, way: str) -> Comparison:
    originals.circles(particles)
    return compare(
        lambda: _exhaust(one.drawn(particles)),
        lambda: _exhaust(WAYS[way](particles, one.frame_count)),
        pairs,
    )


def _whole(one: Clip, particles: int, pairs: int) -> Comparison:
    def film(pictures: Iterable[np.ndarray]) -> None:
        encode(pictures, one.folder / "film.mp4", one.spec("STANDARD"), one.audio)

    return compare(
        lambda: film(one.drawn(particles)),
        lambda: film(originals.frames(particles, one.frame_count)),
        pairs,
    )


def main() -> None:
    cv2.setNumThreads(1)
    chosen = options(__doc__, seconds=30, pairs=5)
    with clip(chosen.seconds) as one:
        count = one.frame_count
        alone = [
            _row(number, _alone(one, number, chosen.pairs, way), count, way)
            for number in COUNTS
            for way in WAYS
        ]
        whole = [_row(number, _whole(one, number, chosen.pairs), count, "as they draw") for number in COUNTS]
    publish(
        "drawing",
        "Drawing beside the way of the originals",
        f"python -m bench.drawing --seconds {chosen.seconds} --pairs {chosen.pairs}",
        f"1920x1080, {count} frames, medians of {chosen.pairs} interleaved pairs. Drawing alone:",
        table(HEADER, alone),
        "Whole films with the same encoder (STANDARD) and sound:",
        table(HEADER, whole),
    )


if __name__ == "__main__":
    main()
