"""From a particle config and a song to a film, a preview or a still: what a render child runs.

Everything in and out is a local file or a plain value, so that it crosses to a child process and back. The
film of [start_time, end_time) has the very frames, and the very sound, of that part of the whole film.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from render.audio.features import AudioFeatures
from render.media.container import audio_stream, open_media
from render.media.length import audio_seconds
from render.media.still import write_still
from render.particles import film
from render.particles.config import ParticleConfig, ParticleType, from_json
from render.video.encode import RING, AudioCut, VideoSpec, encode
from render.video.film_spec import FilmFacts, FilmSpec
from render.video.timing import FrameSpan, film_duration, frame_span

__all__ = ["FilmFacts", "FilmSpec", "render_film", "render_preview", "render_still", "scaled_down"]

PREVIEW_WIDTH = 480
_SMALLEST_SIDE = 16

Report = Callable[[float, str | None], None]


def render_film(spec: FilmSpec, report: Report = lambda percent, message: None) -> FilmFacts:
    """Draw and encode the film to `spec.out`; `report` hears (percent of the frames encoded, sentence).

    Raises StorageFull, what opening the audio raises, and what the drawing raises. Nothing is left at `out`
    then.
    """
    return _render(spec, from_json(spec.config), report)


def render_preview(
    spec: FilmSpec, width: int = PREVIEW_WIDTH, report: Report = lambda percent, message: None
) -> FilmFacts:
    """The same film drawn at most `width` pixels wide: laws and sizes are per picture height."""
    return _render(spec, scaled_down(from_json(spec.config), width), report)


def render_still(spec: FilmSpec, number: int, width: int) -> None:
    """Frame `number` of the whole film, drawn at its real size, to `spec.out` (.png or .jpg)."""
    config = from_json(spec.config)
    planes = film.frame(ParticleType(spec.kind), config, _features(spec), number)
    write_still(planes, config.width, config.height, spec.out, width)


def scaled_down(config: ParticleConfig, width: int) -> ParticleConfig:
    """The config with a smaller picture of the same shape and even sides; never a larger one."""
    if width >= config.width:
        return config
    height = config.height * width / config.width
    return replace(config, width=_even(width), height=_even(height))


def _even(side: float) -> int:
    return max(_SMALLEST_SIDE, 2 * round(side / 2))


def _render(spec: FilmSpec, config: ParticleConfig, report: Report) -> FilmFacts:
    began = time.monotonic()
    span = _span(spec, config)
    pictures = film.frames(
        ParticleType(spec.kind),
        config,
        _features(spec),
        start_frame=span.first,
        count=span.count,
        ring=RING,
    )
    encode(
        pictures,
        spec.out,
        VideoSpec(config.width, config.height, config.fps, span.count, spec.quality),
        AudioCut(spec.audio_path, span.start_seconds, span.seconds) if spec.audio_path else None,
        lambda done: report(100.0 * done / span.count, f"frame {done} of {span.count}"),
        ring=RING,
    )
    return FilmFacts(
        frames=span.count,
        duration=span.seconds,
        width=config.width,
        height=config.height,
        size=Path(spec.out).stat().st_size,
        seconds=time.monotonic() - began,
        **_sound_shape(spec),
    )


def _sound_shape(spec: FilmSpec) -> dict[str, int]:
    if spec.audio_path is None:
        return {}
    with open_media(spec.out) as container:
        sound = audio_stream(container).codec_context
        return {"sample_rate": sound.sample_rate, "channels": sound.channels}


def _span(spec: FilmSpec, config: ParticleConfig) -> FrameSpan:
    heard = spec.audio_duration
    if heard is None and spec.audio_path and config.duration is None:
        heard = audio_seconds(spec.audio_path)
    whole = film_duration(config.duration, heard)
    return frame_span(whole, config.fps, spec.start_time, spec.end_time)


def _features(spec: FilmSpec) -> AudioFeatures | None:
    return AudioFeatures.load(spec.features_path) if spec.features_path else None
