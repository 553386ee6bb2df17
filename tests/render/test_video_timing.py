"""The frames of a film and of its parts."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from render.video.timing import FrameSpan, film_duration, frame_span


def test_the_length_is_given_else_the_songs_else_ten_seconds() -> None:
    assert film_duration(3.5, 200.0) == 3.5
    assert film_duration(None, 200.0) == 200.0
    assert film_duration(None, None) == film_duration(None, 0.0) == 10.0


def test_known_spans() -> None:
    assert frame_span(10.0, 30) == FrameSpan(0, 300, 30)
    assert frame_span(10.01, 30).count == 300 and frame_span(10.02, 30).count == 301
    assert frame_span(0.001, 30).count == 1
    assert frame_span(10.0, 30, 0.7, 1.4) == FrameSpan(21, 21, 30)  # 0.7 x 30 is 20.999999999999996
    assert frame_span(10.0, 30, 0.01, 0.02) == FrameSpan(1, 1, 30)
    assert frame_span(10.0, 30, 10.0, None) == FrameSpan(299, 1, 30)
    assert frame_span(10.0, 24, 5.0, 5.5).start_seconds == 5.0


@given(
    seconds=st.floats(0.1, 3600.0),
    fps=st.integers(1, 120),
    cuts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6),
)
def test_parts_that_touch_tile_the_film(seconds: float, fps: int, cuts: list[float]) -> None:
    whole = frame_span(seconds, fps)
    shares = sorted({0.0, *cuts, 1.0})
    times = [share * seconds for share in shares]
    parts = [frame_span(seconds, fps, start, end) for start, end in itertools.pairwise(times)]
    frames = [number for part in parts for number in range(part.first, part.first + part.count)]
    assert sorted(set(frames)) == list(range(whole.count))
    long_parts = all((end - start) * fps > 1.001 for start, end in itertools.pairwise(times))
    if long_parts:
        assert frames == list(range(whole.count))


@given(
    seconds=st.floats(0.1, 3600.0),
    fps=st.integers(1, 120),
    start=st.floats(-10.0, 4000.0),
    end=st.floats(-10.0, 4000.0),
)
def test_a_part_always_has_a_frame_of_the_film(seconds: float, fps: int, start: float, end: float) -> None:
    whole, part = frame_span(seconds, fps), frame_span(seconds, fps, start, end)
    assert part.count >= 1
    assert part.first >= 0 and part.first + part.count <= whole.count
