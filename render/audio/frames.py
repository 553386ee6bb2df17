"""Frames of sound out of a container and through a resampler, whatever the container does meanwhile.

Broken packets are passed over. A stream may change its rate, its layout or its sample format in the middle
(concatenated MP3s and chained Ogg files do): it is resampled on from there, in the same new form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av
import av.error
import numpy as np

from render import limits
from render.errors import UnsupportedMedia

Frames = Iterator[av.AudioFrame]
Shape = tuple[str, av.AudioLayout, int]  # sample format, layout, rate in Hz


def shape_of(frame: av.AudioFrame) -> Shape:
    """Raises UnsupportedMedia for a rate that is out of the limits: a header may promise another one."""
    rate_hz = frame.sample_rate
    low, high = limits.MIN_SAMPLE_RATE_HZ, limits.MAX_SAMPLE_RATE_HZ
    if not low <= rate_hz <= high:
        raise UnsupportedMedia(f"The sample rate is {rate_hz} Hz; {low} to {high} Hz are possible.")
    return frame.format.name, frame.layout, rate_hz


def decoded(container: av.container.InputContainer, stream: av.AudioStream) -> Frames:
    """Frames as they are stored. What cannot be demuxed ends them, what cannot be decoded is skipped."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError:
            break
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in frames:
            # Broken timestamps would make a resampler pad or refuse; the samples' order is time enough.
            frame.pts = None
            yield frame


def resampled(frames: Frames, resampler: Callable[[], av.AudioResampler]) -> Frames:
    """The frames through one resampler for each stretch of one shape. Raises as `shape_of`.

    A track of a sample or two, of which no sample at the new rate is left, is one sample of silence.
    """
    taken = given = 0

    def counted() -> Frames:
        nonlocal taken
        for frame in frames:
            taken += frame.samples
            yield frame

    for frame in _resampled(counted(), resampler):
        given += frame.samples
        yield frame
    if taken and not given:
        yield av.AudioFrame.from_ndarray(np.zeros((1, 1), np.float32), format="flt", layout="mono")


def _resampled(frames: Frames, resampler: Callable[[], av.AudioResampler]) -> Frames:
    shape: Shape | None = None
    now = resampler()
    for frame in frames:
        found = shape_of(frame)
        if shape is not None and found != shape:
            yield from _rest(now)
            now = resampler()
        shape = found
        yield from now.resample(frame)
    yield from _rest(now)


def _rest(resampler: av.AudioResampler) -> Frames:
    # One that has nothing to do hands back what it is given: None at the end.
    return (frame for frame in resampler.resample(None) if frame is not None)


def gathered(frames: Frames, samples: int) -> Frames:
    """At least so many samples at a time, but at the end and where the shape changes: small frames cost more
    to handle than to decode. Raises as `shape_of`."""
    fifo, shape = av.AudioFifo(), None
    for frame in frames:
        if not frame.samples:
            continue
        found = shape_of(frame)
        if found != shape:
            yield from _emptied(fifo)
            fifo, shape = av.AudioFifo(), found
        fifo.write(frame)
        if fifo.samples >= samples:
            yield from _emptied(fifo)
    yield from _emptied(fifo)


def _emptied(fifo: av.AudioFifo) -> Frames:
    frame = fifo.read()
    if frame is not None:
        yield frame
