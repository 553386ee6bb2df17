"""Beside FFmpeg's own pictures of sound: showcqt, showwaves, avectorscope, to the very same kind of file.

Different pictures, the same output: 1080p30, x264 with our settings of STANDARD, AAC. The filters and the
encoder are those of the FFmpeg inside PyAV, so the codec is the same build for all.

    python -m bench.peers --seconds 30 --pairs 5
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.filter

from bench.clip import FPS, Clip, clip
from bench.measure import Cost, cost, median
from bench.report import Row, options, publish, table
from render.video.encode import ENCODER_THREADS, QUALITIES, SECONDS_PER_KEYFRAME, encode
from render.video.sound import SoundTrack

FILTERS = {
    "showcqt": "size=1920x1080:rate=30",
    "showwaves": "size=1920x1080:rate=30:mode=cline",
    "avectorscope": "size=1920x1080:rate=30:draw=line",
}
PARTICLES = (200, 2_000, 10_000)


def visualised(one: Clip, name: str, out: Path) -> None:
    """What `ffmpeg -i song -filter_complex NAME=... film.mp4` does."""
    with av.open(str(one.song)) as source, av.open(str(out), "w", options={"movflags": "+faststart"}) as film:
        stream = film.add_stream("libx264", rate=FPS, options=QUALITIES["STANDARD"])
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        context = stream.codec_context
        context.thread_type, context.thread_count = "FRAME", ENCODER_THREADS
        context.gop_size = SECONDS_PER_KEYFRAME * FPS
        context.time_base = Fraction(1, FPS)
        sound = SoundTrack(film, one.audio)
        graph, sink = _graph(source.streams.audio[0], name)
        done = 0
        for block in source.decode(audio=0):
            graph.push(block)
            while done < one.frame_count:
                try:
                    picture = sink.pull()
                except (av.BlockingIOError, av.EOFError):
                    break
                assert isinstance(picture, av.VideoFrame)
                picture.pts, picture.time_base = done, Fraction(1, FPS)
                film.mux(stream.encode(picture))
                done += 1
        film.mux(stream.encode(None))
        film.mux(list(sound.last_packets()))
        sound.close()
    if done < one.frame_count - FPS:
        raise ValueError(f"{name} made {done} frames of {one.frame_count}")


def _graph(stream: av.AudioStream, name: str) -> tuple[av.filter.Graph, av.filter.context.FilterContext]:
    graph = av.filter.Graph()
    steps = [
        graph.add_abuffer(template=stream),
        graph.add(name, FILTERS[name]),
        graph.add("format", "pix_fmts=yuv420p"),
        graph.add("buffersink"),
    ]
    for one, following in pairwise(steps):
        one.link_to(following)
    graph.configure()
    return graph, steps[-1]


def main() -> None:
    chosen = options(__doc__, seconds=30, pairs=5)
    with clip(chosen.seconds) as one:
        out = one.folder / "film.mp4"

        def ours(particles: int) -> None:
            encode(one.drawn(particles), out, one.spec("STANDARD"), one.audio)

        works = {f"Starling, {number:,} particles": (lambda n=number: ours(n)) for number in PARTICLES}
        works |= {f"ffmpeg {name}": (lambda n=name: visualised(one, n, out)) for name in FILTERS}
        costs: dict[str, list[Cost]] = {name: [] for name in works}
        sizes = {}
        for _ in range(chosen.pairs):
            for name, work in works.items():
                costs[name].append(cost(work))
                sizes[name] = out.stat().st_size
        rows: list[Row] = [
            [
                name,
                f"{median(found).cpu / one.frame_count:.4f}",
                f"{one.frame_count / median(found).wall:.0f}",
                f"{sizes[name] * 8 / chosen.seconds / 1e6:.1f}",
            ]
            for name, found in costs.items()
        ]
    publish(
        "peers",
        "Beside FFmpeg's own pictures of sound",
        f"python -m bench.peers --seconds {chosen.seconds} --pairs {chosen.pairs}",
        "Different pictures, the same output: 1080p30, x264 superfast crf 20, AAC; medians of"
        f" {chosen.pairs} interleaved rounds.",
        table(["picture", "CPU seconds a frame", "frames a second", "Mbit/s"], rows),
    )


if __name__ == "__main__":
    main()
