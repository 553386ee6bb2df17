"""Sound as a stream of mono samples, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from render import limits
from render.errors import DamagedMedia, MediaTooLarge
from render.media.container import audio_stream, open_media

Block = NDArray[np.float32]


def mono_blocks(path: str | Path, sample_rate_hz: int) -> Iterator[Block]:
    """The first audio stream as blocks of mono float32 at `sample_rate_hz`, about -1..1, finite.

    Damaged packets are skipped. Raises UnsupportedMedia (no audio), DamagedMedia (nothing of it can be
    decoded) and MediaTooLarge (longer than two hours, whatever its header says).
    """
    limit = int(limits.MAX_AUDIO_SECONDS * sample_rate_hz)
    decoded = 0
    with open_media(path) as container:
        stream = audio_stream(container)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)
        for frame in _frames(container, stream, resampler):
            samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            block = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
            decoded += len(block)
            if decoded > limit + sample_rate_hz:
                raise MediaTooLarge(f"The audio is longer than {limits.MAX_AUDIO_SECONDS / 3600:g} hours.")
            if len(block):
                yield block
    if decoded == 0:
        raise DamagedMedia("No sound could be decoded from the file.")


def _frames(
    container: av.container.InputContainer, stream: av.AudioStream, resampler: av.AudioResampler
) -> Iterator[av.AudioFrame]:
    """Resampled frames; what cannot be demuxed ends the stream, what cannot be decoded is skipped.

    A track of a sample or two, of which no sample at the new rate is left, is one sample of silence.
    """
    packets = container.demux(stream)
    taken = given = 0
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError:
            break
        try:
            decoded = stream.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in decoded:
            taken += frame.samples
            for resampled in _resampled(resampler, frame):
                given += resampled.samples
                yield resampled
    for resampled in resampler.resample(None):
        given += resampled.samples
        yield resampled
    if taken and not given:
        yield av.AudioFrame.from_ndarray(np.zeros((1, 1), np.float32), format="flt", layout="mono")


def _resampled(resampler: av.AudioResampler, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
    # Broken timestamps would make the resampler pad or refuse; the samples' order is time enough.
    frame.pts = None
    yield from resampler.resample(frame)
