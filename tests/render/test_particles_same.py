"""Frame n alone, in a full run, in any chunking and on any number of threads is the same to the bit."""

from __future__ import annotations

import pytest

from render.particles.config import ParticleConfig, ParticleType
from render.particles.film import frame, frames
from tests.render.particle_scenes import DEAF, REACTIVE, digest, kick_features, small

COUNT = 50


def run(kind: ParticleType, config: ParticleConfig, start: int, count: int, threads: int = 1) -> list[str]:
    film = frames(kind, config, kick_features(), start_frame=start, count=count, threads=threads)
    return [digest(planes) for planes in film]


@pytest.mark.parametrize("trails", [0.0, 0.6])
@pytest.mark.parametrize("kind", list(ParticleType))
def test_alone_chunked_and_threaded(kind: ParticleType, trails: float) -> None:
    config = small(trails=trails, height=150)
    whole = run(kind, config, 0, COUNT)
    assert len(set(whole)) > COUNT // 2
    for number in (0, 1, 23, COUNT - 1):
        assert digest(frame(kind, config, kick_features(), number)) == whole[number]
    for size in (7, 20):
        chunks = [run(kind, config, start, min(size, COUNT - start)) for start in range(0, COUNT, size)]
        assert [item for chunk in chunks for item in chunk] == whole
    assert run(kind, config, 0, COUNT, threads=2) == whole
    assert run(kind, config, 10, 5, threads=3) == whole[10:15]


@pytest.mark.parametrize("fps", [24, 60])
def test_the_same_at_other_rates(fps: int) -> None:
    config = small(fps=fps)
    whole = run(ParticleType.ENHANCED, config, 0, 60)
    assert run(ParticleType.ENHANCED, config, 31, 4) == whole[31:35]


@pytest.mark.parametrize("kind", list(ParticleType))
def test_a_moment_is_the_same_picture_at_every_rate(kind: ParticleType) -> None:
    """24, 30 and 60 frames a second meet each half second: there the pictures are equal to the bit."""
    moments = [
        [digest(frame(kind, small(fps=fps), kick_features(), half * fps // 2)) for half in (1, 3)]
        for fps in (24, 30, 60)
    ]
    assert moments[0] == moments[1] == moments[2]


@pytest.mark.parametrize("kind", DEAF)
def test_deaf_types_take_nothing_from_the_audio(kind: ParticleType) -> None:
    heard = [digest(planes) for planes in frames(kind, small(), kick_features(), count=40)]
    unheard = [digest(planes) for planes in frames(kind, small(), None, count=40)]
    assert heard == unheard


@pytest.mark.parametrize("kind", REACTIVE)
def test_reactive_types_do(kind: ParticleType) -> None:
    assert digest(frame(kind, small(), kick_features(), 31)) != digest(frame(kind, small(), None, 31))


def test_the_seed_is_the_film() -> None:
    first, again, other = (digest(frame(ParticleType.ZEN, small(seed=seed), None, 9)) for seed in (3, 3, 4))
    assert first == again != other


def test_the_ring_keeps_what_was_promised() -> None:
    """With a ring of 3, a frame is still itself when two more were taken."""
    film = frames(ParticleType.ENHANCED, small(), None, count=6, ring=3)
    first = next(film)
    before = digest(first)
    next(film)
    next(film)
    assert digest(first) == before
    next(film)
    assert digest(first) != before


def test_no_frames_asked_none_given() -> None:
    assert list(frames(ParticleType.SNOW, small(), None, count=0)) == []
