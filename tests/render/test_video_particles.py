"""Films of particles: cut, chunked and whole they show the very same frames, and say what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from render.audio.features import AudioFeatures, analyse
from render.errors import DamagedMedia
from render.particles import film
from render.particles.config import ParticleConfig, ParticleType, to_json
from render.video import particles
from render.video.encode import RING, AudioCut, VideoSpec, encode
from render.video.particles import FilmSpec, render_film, render_preview, render_still, scaled_down
from tests.render.media_files import tone, write_wav
from workers.children import ChildPool

CONFIG = ParticleConfig(width=160, height=90, fps=20, duration=1.5, particle_count=60, trails=0.3)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, a beat each half."""
    samples = tone(2.0, hz=80.0) * 3
    samples *= np.exp(-8 * (np.arange(samples.shape[1]) / 44_100 % 0.5)).astype(np.float32)
    return write_wav(tmp_path_factory.mktemp("song") / "song.wav", samples)


@pytest.fixture(scope="module")
def features(song: Path) -> Path:
    path = song.with_suffix(".npz")
    analyse(str(song), None).save(path)
    return path


def spec_of(out: Path, song: Path | None = None, features: Path | None = None) -> FilmSpec:
    return FilmSpec(
        "BOUNCING",
        to_json(CONFIG),
        str(out),
        features_path=str(features) if features else None,
        audio_path=str(song) if song else None,
    )


def lengths(path: Path) -> tuple[int, float, bool]:
    """(frames, seconds to a hundredth, whether there is sound)."""
    with av.open(str(path)) as container:
        assert container.duration
        count = sum(1 for _ in container.decode(video=0))
        return count, round(container.duration / av.time_base, 2), bool(container.streams.audio)


def test_a_film_and_its_facts(song: Path, features: Path, tmp_path: Path) -> None:
    said: list[tuple[float, str | None]] = []
    out = tmp_path / "film.mp4"
    facts = render_film(spec_of(out, song, features), lambda *what: said.append(what))
    assert (facts.frames, facts.duration, facts.width, facts.height) == (30, 1.5, 160, 90)
    assert facts.size == out.stat().st_size and facts.seconds > 0
    assert lengths(out) == (30, 1.5, True)
    assert [percent for percent, _ in said] == [100 * n / 30 for n in range(1, 31)]
    assert said[11][1] == "frame 12 of 30"


def test_the_length_is_the_songs_where_the_config_has_none(
    song: Path, features: Path, tmp_path: Path
) -> None:
    spec = replace(
        spec_of(tmp_path / "a.mp4", song, features), config=to_json(replace(CONFIG, duration=None))
    )
    assert render_film(spec).duration == 2.0
    assert render_film(replace(spec, audio_duration=1.0)).frames == 20


@pytest.mark.parametrize(("start", "end"), [(None, 0.5), (0.5, None), (0.31, 1.17), (0.0, 1.5)])
def test_a_part_has_the_frames_and_the_sound_of_the_whole(
    start: float | None,
    end: float | None,
    song: Path,
    features: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What reaches the encoder, to the bit."""
    given: list[np.ndarray] = []
    cuts: list[AudioCut] = []

    def keep(
        frames: Iterable[np.ndarray],
        out: str,
        spec: VideoSpec,
        audio: AudioCut,
        on_frame: Callable[[int], None],
        *,
        ring: int,
    ) -> None:
        given.extend(planes.copy() for planes in frames)
        cuts.append(audio)
        assert ring == RING
        encode(given, out, spec, audio, on_frame)

    monkeypatch.setattr(particles, "encode", keep)
    spec = spec_of(tmp_path / "a.mp4", song, features)
    render_film(spec)
    whole = list(given)
    given.clear()
    facts = render_film(replace(spec, start_time=start, end_time=end))
    first = -(-round((start or 0) * 100) * 20 // 100)
    assert facts.frames == len(given) > 0
    for number, planes in enumerate(given, first):
        assert np.array_equal(planes, whole[number]), number
    assert cuts[-1] == AudioCut(str(song), first / 20, len(given) / 20)


def test_a_still_is_the_films_frame_at_its_real_size(song: Path, features: Path, tmp_path: Path) -> None:
    out = tmp_path / "still.png"
    spec = spec_of(out, song, features)
    render_still(spec, 17, 160)
    with av.open(str(out)) as container:
        still = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert still.shape == (90, 160, 3)
    planes = film.frame(ParticleType.BOUNCING, CONFIG, AudioFeatures.load(features), 17)
    luma = planes[:90].astype(int)
    assert np.corrcoef(still.sum(axis=2).ravel(), luma.ravel())[0, 1] > 0.95
    render_still(spec, 17, 40)
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).width == 40


def test_a_preview_is_small_and_even(song: Path, features: Path, tmp_path: Path) -> None:
    out = tmp_path / "preview.mp4"
    facts = render_preview(replace(spec_of(out, song, features), end_time=0.5, quality="DRAFT"), 75)
    assert (facts.width, facts.height, facts.frames) == (76, 42, 10)
    assert lengths(out) == (10, 0.5, True)
    assert scaled_down(CONFIG, 1000) == CONFIG
    tall = scaled_down(replace(CONFIG, width=7680, height=16), 480)
    assert (tall.width, tall.height) == (480, 16)


def test_a_song_that_is_gone_or_broken_leaves_no_film(tmp_path: Path) -> None:
    broken = tmp_path / "song.mp3"
    broken.write_bytes(b"ID3\x04\0\0\0\0\0\0")
    with pytest.raises(DamagedMedia):
        render_film(spec_of(tmp_path / "film.mp4", broken))
    assert [path.name for path in tmp_path.iterdir()] == ["song.mp3"]


async def test_a_film_in_a_child_reports_and_can_be_stopped(
    song: Path, features: Path, tmp_path: Path
) -> None:
    said: list[tuple[float, str | None]] = []
    out = tmp_path / "film.mp4"
    spec = replace(spec_of(out, song, features), quality="DRAFT")
    async with ChildPool(1, warm="render.particles.warm:warm") as pool:
        facts = await pool.run(
            "render.video.particles:render_film", spec, on_progress=lambda *what: said.append(what)
        )
        assert facts.frames == 30 and said[-1][0] == 100.0
        long_film = replace(
            spec, config=to_json(replace(CONFIG, duration=3600.0)), out=str(tmp_path / "b.mp4")
        )
        running = asyncio.create_task(
            pool.run(
                "render.video.particles:render_film", long_film, on_progress=lambda *what: said.append(what)
            )
        )
        heard = len(said)
        while len(said) == heard:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not (tmp_path / "b.mp4").exists()
