"""The sound of a film: one cut of a track, encoded to AAC once, exactly as long as the film.

The cut is counted in decoded samples from the start of the track (seeking is inexact in MP3 and others), its
missing end is silence. Everything streams: memory does not depend on the length of the track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from render.media.container import audio_stream, open_media
from render.media.decoding import decoded_frames

_FRAME_SAMPLES = 1024  # of AAC
_KEPT_RATES_HZ = (44_100, 48_000)  # any other becomes 48 kHz, which every player takes
_BITS_PER_SECOND = {"mono": 128_000, "stereo": 192_000}
# The search of the default pays below 64 kbit/s only, and takes two and a half times as long.
_ENCODER = {"aac_coder": "fast"}


@dataclass(frozen=True)
class AudioCut:
    """The part [start_seconds, start_seconds + duration_seconds) of the first audio stream of `path`."""

    path: str
    start_seconds: float
    duration_seconds: float


class SoundTrack:
    """An AAC stream in `output`, filled as far as the pictures have come. Close it when done."""

    def __init__(self, output: OutputContainer, cut: AudioCut) -> None:
        self._input = open_media(cut.path)
        try:
            source = audio_stream(self._input).codec_context
            self._rate_hz = source.sample_rate if source.sample_rate in _KEPT_RATES_HZ else 48_000
            self._layout = "mono" if source.channels == 1 else "stereo"
            self._stream = output.add_stream("aac", rate=self._rate_hz, layout=self._layout, options=_ENCODER)
            self._stream.bit_rate = _BITS_PER_SECOND[self._layout]
        except BaseException:
            self._input.close()
            raise
        self._samples_left = max(1, round(cut.duration_seconds * self._rate_hz))
        self._samples_done = 0
        self._blocks = _blocks(self._input, cut.start_seconds, self._rate_hz, self._layout)

    def packets_until(self, seconds: float) -> Iterator[Packet[AudioStream]]:
        """What is still lacking of the first `seconds` of the sound."""
        while self._samples_left and self._samples_done < seconds * self._rate_hz:
            yield from self._stream.encode(self._next_frame())

    def last_packets(self) -> Iterator[Packet[AudioStream]]:
        """All the rest."""
        yield from self.packets_until(float("inf"))
        yield from self._stream.encode(None)

    def close(self) -> None:
        self._input.close()

    def _next_frame(self) -> AudioFrame:
        count = min(_FRAME_SAMPLES, self._samples_left)
        block = next(self._blocks)[:, :count]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate_hz
        frame.pts = self._samples_done
        self._samples_done += count
        self._samples_left -= count
        return frame


def _blocks(source: InputContainer, start_seconds: float, rate_hz: int, layout: str) -> Iterator[np.ndarray]:
    """float32 (channels, 1024) from start_seconds on, for ever: behind the end of the track is silence."""
    to_skip = round(start_seconds * rate_hz)
    waiting = np.zeros((1 if layout == "mono" else 2, 0), np.float32)
    for samples in _resampled(source, rate_hz, layout):
        if to_skip >= samples.shape[1]:
            to_skip -= samples.shape[1]
            continue
        waiting = np.concatenate((waiting, samples[:, to_skip:]), axis=1)
        to_skip = 0
        whole = waiting.shape[1] // _FRAME_SAMPLES * _FRAME_SAMPLES
        for at in range(0, whole, _FRAME_SAMPLES):
            yield waiting[:, at : at + _FRAME_SAMPLES]
        waiting = waiting[:, whole:]
    silence = np.zeros((waiting.shape[0], _FRAME_SAMPLES), np.float32)
    yield np.concatenate((waiting, silence[:, waiting.shape[1] :]), axis=1)
    while True:
        yield silence


def _resampled(source: InputContainer, rate_hz: int, layout: str) -> Iterator[np.ndarray]:
    """The decoded track as float32 (channels, n). A track that changes its rate on the way is followed."""
    resampler: AudioResampler | None = None
    shape: tuple[str, str, int] | None = None
    for frame in decoded_frames(source):
        if resampler is None or shape != _shape(frame):
            if resampler is not None:
                yield from (_samples(out) for out in resampler.resample(None))
            shape = _shape(frame)
            resampler = AudioResampler(format="fltp", layout=layout, rate=rate_hz)
        frame.pts = None  # samples are counted; odd time stamps must not open gaps
        yield from (_samples(out) for out in resampler.resample(frame))
    if resampler is not None:
        yield from (_samples(out) for out in resampler.resample(None))


def _shape(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _samples(frame: AudioFrame) -> np.ndarray:
    return frame.to_ndarray()
